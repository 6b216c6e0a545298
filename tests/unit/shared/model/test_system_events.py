"""The events about ourselves fit their own schemas, are the same event when told twice, and never go in circles."""

import json
from typing import Any

import pytest

from shared.catalogue import Catalogue
from shared.model.delivery import Attempt, Delivery
from shared.model.event import OWN_SOURCE, Event
from shared.model.reasons import DeadReason, DeliveryState
from shared.model.system_events import dead_lettered, delivery_updated, webhook_disabled
from tests.support.values import NOON, a_delivery, a_webhook

CATALOGUE = Catalogue.load(None)
OWN_TYPES = ("delivery.dead_lettered", "webhook.disabled", "webhook.test", "billing.export.delivery_updated")
FAILURE = Attempt(number=1, started_at=NOON, duration_ms=3, status=503, error="http_503", detail="It answered 503.")


def about(event: Event | None) -> dict[str, object]:
    """The data of an event, after its schema found nothing wrong."""
    assert event is not None
    data = json.loads(event.data)
    assert CATALOGUE.validate(event.type, data) is None
    assert event.source == OWN_SOURCE
    assert isinstance(data, dict)
    return data


@pytest.mark.parametrize("reason", DeadReason)
def test_a_dead_letter_is_told_with_what_happened(reason: DeadReason) -> None:
    dead = a_delivery(state=DeliveryState.DEAD, reason=reason.value, attempts_made=1, attempts=(FAILURE,))
    data = about(dead_lettered(dead))
    assert (data["reason"], data["status"], data["attempts"]) == (reason.value, 503, 1)
    assert (data["delivery_id"], data["subscription_id"]) == ("dlv_1", "wh_1")


def test_a_dead_mail_that_was_never_tried_is_told_too() -> None:
    mail = a_delivery(
        state=DeliveryState.DEAD, reason="template_error", channel="email", subscription_id="", target=""
    )
    data = about(dead_lettered(mail))
    assert not {"subscription_id", "status", "target"} & data.keys()


@pytest.mark.parametrize("type_", OWN_TYPES)
def test_the_dead_letter_of_an_event_of_our_own_is_not_told(type_: str) -> None:
    assert dead_lettered(a_delivery(state=DeliveryState.DEAD, event_type=type_)) is None


def test_telling_the_same_death_twice_is_one_event_and_a_second_death_another() -> None:
    first, replayed = a_delivery(attempts_made=4), a_delivery(attempts_made=8)
    events = [dead_lettered(delivery) for delivery in (first, first, replayed)]
    assert len({event.id for event in events if event is not None}) == 2


def test_a_disabled_webhook_is_told_without_what_its_url_hides() -> None:
    webhook = a_webhook(
        url="https://hooks.example.com/in?token=hunter2",
        enabled=False,
        disabled_reason="consecutive_failures",
        disabled_at=NOON,
        consecutive_failures=10,
        headers={"Authorization": "hunter2"},
    )
    event = webhook_disabled(webhook)
    assert about(event) == {
        "webhook_id": "wh_1",
        "url": "https://hooks.example.com/in",
        "reason": "consecutive_failures",
        "disabled_at": "2026-11-21T12:00:00.000Z",
        "consecutive_failures": 10,
    }
    assert event.tenant_id == "org_1"
    assert event.id == webhook_disabled(webhook).id


MAIL = Attempt(number=1, started_at=NOON, duration_ms=3, status=250, message_id="<dlv_1@mail.example.com>")
DEFERRED = Attempt(
    number=1,
    started_at=NOON,
    duration_ms=3,
    status=451,
    error="smtp_4xx",
    detail="451 try later",
    message_id="<dlv_1@mail.example.com>",
)


def an_export_mail(**changes: Any) -> Delivery:
    facts: dict[str, Any] = {
        "event_type": "billing.export.ready",
        "channel": "email",
        "subscription_id": "",
        "recipient": "accounts@example.com",
        "target": "accounts@example.com",
        "export_id": "exp_5",
        "attempts_made": 1,
    }
    return a_delivery(**facts | changes)


def test_a_delivered_export_is_told_with_the_mails_id_and_time() -> None:
    assert about(delivery_updated(an_export_mail(state=DeliveryState.DELIVERED, attempts=(MAIL,)))) == {
        "export_id": "exp_5",
        "delivery_id": "dlv_1",
        "recipient": "accounts@example.com",
        "state": "delivered",
        "attempts": 1,
        "message_id": "<dlv_1@mail.example.com>",
        "updated_at": "2026-11-21T12:00:00.000Z",
        "delivered_at": "2026-11-21T12:00:00.000Z",
    }


def test_a_deferred_export_is_told_with_the_error_and_the_next_attempt() -> None:
    data = about(delivery_updated(an_export_mail(state=DeliveryState.RETRYING, attempts=(DEFERRED,))))
    assert (data["state"], data["last_error"]) == ("retrying", "451 try later")
    assert data["next_attempt_at"] == "2026-11-21T12:00:00.000Z"
    assert "delivered_at" not in data


def test_a_dead_export_is_told_with_why_also_if_nothing_was_sent() -> None:
    dead = an_export_mail(state=DeliveryState.DEAD, detail="550 no such user", attempts=(DEFERRED,))
    assert about(delivery_updated(dead))["last_error"] == "550 no such user"
    skipped = an_export_mail(state=DeliveryState.SKIPPED, detail="NOTIFICATION_TRANSPORT is webhook", attempts_made=0)
    assert "message_id" not in about(delivery_updated(skipped))


def test_each_state_of_an_export_is_one_event_however_often_it_is_told() -> None:
    states = [(DeliveryState.RETRYING, 1), (DeliveryState.RETRYING, 1), (DeliveryState.RETRYING, 2)]
    states += [(DeliveryState.DELIVERED, 2), (DeliveryState.DEAD, 2)]
    events = [delivery_updated(an_export_mail(state=state, attempts_made=made)) for state, made in states]
    assert len({event.id for event in events if event is not None}) == 4


@pytest.mark.parametrize(
    "changes", [{"channel": "webhook"}, {"event_type": "user.invited"}, *({"event_type": t} for t in OWN_TYPES)]
)
def test_only_mails_about_an_export_are_told(changes: dict[str, str]) -> None:
    assert delivery_updated(an_export_mail(state=DeliveryState.DELIVERED, **changes)) is None


def test_the_death_of_a_request_to_confirm_an_address_is_not_told() -> None:
    assert dead_lettered(a_delivery(state=DeliveryState.DEAD, event_type="email.confirmation")) is None
