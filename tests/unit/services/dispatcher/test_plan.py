"""An accepted event becomes one delivery for each subscription and recipient, whatever the numbers in its data."""

import msgspec
import pytest

from services.dispatcher.plan import plan_deliveries
from shared.model.delivery import Delivery, Transport
from shared.model.event import OWN_SOURCE, Event
from shared.model.reasons import DeliveryState
from shared.model.subscription import Subscription
from shared.model.task import task_for
from tests.support.values import NOON, TRACEPARENT, a_webhook, an_event

MAILS = a_webhook(id="es_1", channel="email", url="", address="ops@example.com")


def plan(event: Event, *subscriptions: Subscription, transport: Transport = "smtp") -> list[Delivery]:
    return plan_deliveries(event, subscriptions, transport=transport, now=NOON, traceparent=TRACEPARENT)


def invitation(extra: bytes = b"") -> Event:
    data = b'{"email":"ada@example.com","accept_url":"https://app.example.com/i/1"' + extra + b"}"
    return an_event(type="user.invited", data=data)


def test_each_matching_subscription_gets_one_pending_delivery() -> None:
    planned = plan(an_event(), a_webhook(id="wh_1"), a_webhook(id="wh_2"), a_webhook(id="wh_3", events=("signer.*",)))
    assert [(d.subscription_id, d.state, d.due_at) for d in planned] == [
        ("wh_1", DeliveryState.PENDING, NOON),
        ("wh_2", DeliveryState.PENDING, NOON),
    ]


def test_planning_again_plans_the_same_deliveries() -> None:
    first, again = plan(an_event(), a_webhook()), plan(an_event(), a_webhook())
    assert [d.id for d in first] == [d.id for d in again]
    assert first[0].created_by != again[0].created_by


def test_an_event_for_nobody_leads_to_nothing() -> None:
    assert plan(an_event()) == []


def test_a_disabled_webhook_is_recorded_as_skipped_and_owes_nothing() -> None:
    [delivery] = plan(an_event(), a_webhook(enabled=False))
    assert (delivery.state, delivery.reason, delivery.due_at) == (DeliveryState.SKIPPED, "webhook_disabled", None)


def test_a_disabled_webhook_can_be_tested() -> None:
    test = an_event(type="webhook.test", source=OWN_SOURCE, subject="webhooks/wh_1")
    [delivery] = plan(test, a_webhook(enabled=False))
    assert delivery.state is DeliveryState.PENDING


@pytest.mark.parametrize(
    ("transport", "webhook_state", "mail_state"),
    [("smtp", "pending", "pending"), ("webhook", "pending", "skipped"), ("disabled", "skipped", "skipped")],
)
def test_a_transport_that_is_off_is_recorded_as_skipped(
    transport: Transport, webhook_state: str, mail_state: str
) -> None:
    webhook, mail = plan(an_event(), a_webhook(), MAILS, transport=transport)
    assert (webhook.state, mail.state) == (webhook_state, mail_state)
    assert {d.reason for d in (webhook, mail) if d.state == "skipped"} <= {"transport_disabled"}


def test_an_invitation_goes_to_the_person_invited() -> None:
    [delivery] = plan(invitation())
    assert (delivery.channel, delivery.recipient, delivery.target) == ("email", "ada@example.com", "ada@example.com")


def test_a_billing_export_goes_to_each_recipient_once() -> None:
    recipients = ["a@example.com", "b@example.com", "a@EXAMPLE.com"]
    event = an_event(type="billing.export.ready", data=msgspec.json.encode({"recipients": recipients}))
    assert [delivery.recipient for delivery in plan(event)] == ["a@example.com", "b@example.com"]


def test_the_mails_about_a_billing_export_name_it_and_nothing_else_does() -> None:
    data = msgspec.json.encode({"export_id": "exp_5", "recipients": ["a@example.com"]})
    webhook, notice, mail = plan(an_event(type="billing.export.ready", data=data), a_webhook(), MAILS)
    assert (webhook.export_id, notice.export_id, mail.export_id) == ("", "exp_5", "exp_5")
    [invited] = plan(invitation(b',"export_id":"exp_5"'))
    assert invited.export_id == ""


@pytest.mark.parametrize("number", [b"1e400", b"-1E+999", b"123456789012345678901234567890", b"1e-999"])
def test_a_number_that_no_float_holds_stops_no_invitation(number: bytes) -> None:
    assert len(plan(invitation(b',"credits":' + number))) == 1


def test_a_delivery_shows_its_target_without_query_or_fragment() -> None:
    [delivery] = plan(an_event(), a_webhook(url="https://hooks.example.com/in?token=hunter2#top"))
    assert delivery.target == "https://hooks.example.com/in"


def test_the_first_task_belongs_to_its_delivery_and_needs_no_wait() -> None:
    [delivery] = plan(an_event(), a_webhook())
    task = task_for(delivery, b"{}")
    assert (task.delivery_id, task.subscription_id, task.attempt) == (delivery.id, "wh_1", 1)
    assert task.not_before == NOON.timestamp() * 1000
    assert task.traceparent == TRACEPARENT
