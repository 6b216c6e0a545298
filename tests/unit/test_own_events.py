"""The events about ourselves fit their own schemas, are the same event when told twice, and never go in circles."""

import json

import pytest

from shared.attempt import Attempt
from shared.catalogue import Catalogue
from shared.delivery.own_events import dead_lettered, webhook_disabled
from shared.messages import OWN_SOURCE, Event
from shared.reasons import DeadReason, DeliveryState
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
