"""The events that Signalpost emits itself, about its own work. Nobody else may publish them."""

from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal

from signalpost.events.fields import bare_link, choice, count, ident, mail, number, text, time
from signalpost.events.typed import TypedEvent

CONFIRMATION: Final = "email.confirmation"
"""Asks one address whether it may be written to. No entry of the catalogue: nobody can subscribe to it."""


class WebhookTest(TypedEvent, type="webhook.test", internal=True):
    """Somebody asked for a test of a webhook; only that webhook gets it, once."""

    webhook_id: Annotated[str, ident("The webhook under test.")]
    message: Annotated[str, text("A sentence for readers of the receiver's log.")]
    sent_by: Annotated[str | None, text("Who asked for the test.")] = None

    EXAMPLE: ClassVar = {
        "webhook_id": "whk_1",
        "message": "This is a test event from Signalpost.",
        "sent_by": "user_1",
    }


class WebhookDisabled(TypedEvent, type="webhook.disabled", internal=True):
    """A webhook was disabled because its receiver is gone or keeps failing."""

    webhook_id: Annotated[str, ident("The webhook.")]
    reason: Annotated[
        str,
        text("`gone`: the receiver answered 410; `consecutive_failures`: too many consecutive deliveries died."),
    ]
    disabled_at: Annotated[datetime, time("When.")]
    consecutive_failures: Annotated[int | None, count("Deliveries that died in a row.")] = None
    url: Annotated[str | None, bare_link("Its address, without credentials or query.")] = None

    EXAMPLE: ClassVar = {
        "webhook_id": "whk_1",
        "reason": "consecutive_failures",
        "disabled_at": "2026-11-21T10:00:00Z",
        "consecutive_failures": 10,
        "url": "https://hooks.example.com/in",
    }


class DeliveryDeadLettered(TypedEvent, type="delivery.dead_lettered", internal=True):
    """A delivery was given up and waits in the dead letters."""

    delivery_id: Annotated[str, ident("The delivery.")]
    event_id: Annotated[str, ident("The event it carried.")]
    event_type: Annotated[str, ident("That event's type.")]
    channel: Annotated[Literal["webhook", "email"], choice("How it was to be delivered.", "webhook", "email")]
    subscription_id: Annotated[
        str | None, text("The webhook or mail subscription; absent for recipients named in the event.")
    ] = None
    reason: Annotated[str, ident("The dead reason, a stable word such as `retries_exhausted`.")]
    detail: Annotated[str | None, text("What happened last, for a person.")] = None
    status: Annotated[int | None, number("The last HTTP or SMTP code.")] = None
    attempts: Annotated[int, count("Attempts made.")]
    target: Annotated[
        str | None, text("The webhook's address without credentials or query, or the mail address.")
    ] = None
    dead_at: Annotated[datetime, time("When it was given up.")]

    EXAMPLE: ClassVar = {
        "delivery_id": "dlv_1",
        "event_id": "evt_1",
        "event_type": "certificate.issued",
        "channel": "webhook",
        "subscription_id": "whk_1",
        "reason": "retries_exhausted",
        "detail": "503 Service Unavailable",
        "status": 503,
        "attempts": 4,
        "target": "https://hooks.example.com/in",
        "dead_at": "2026-11-21T10:00:31Z",
    }


_STATES: Final = ("pending", "retrying", "delivered", "dead", "skipped")


class BillingExportDeliveryUpdated(TypedEvent, type="billing.export.delivery_updated", internal=True):
    """The state of a billing export's delivery to one recipient changed."""

    export_id: Annotated[str, ident("The export.")]
    delivery_id: Annotated[str, ident("The delivery.")]
    recipient: Annotated[str, mail("The recipient.")]
    state: Annotated[str, choice("Where the delivery stands.", *_STATES)]
    attempts: Annotated[int, count("Attempts made so far.")]
    message_id: Annotated[str | None, text("The mail's Message-ID.")] = None
    last_error: Annotated[str | None, text("What the last attempt failed with.")] = None
    updated_at: Annotated[datetime | None, time("When this changed.")] = None
    next_attempt_at: Annotated[datetime | None, time("When it will be tried again.")] = None
    delivered_at: Annotated[datetime | None, time("When the mail server accepted it.")] = None

    EXAMPLE: ClassVar = {
        "export_id": "exp_5",
        "delivery_id": "dlv_1",
        "recipient": "accounts@example.com",
        "state": "delivered",
        "attempts": 1,
        "message_id": "<dlv_1@mail.example.com>",
        "updated_at": "2026-11-21T10:00:02Z",
        "delivered_at": "2026-11-21T10:00:02Z",
    }


SYSTEM_EVENTS: Final[tuple[type[TypedEvent], ...]] = (
    WebhookTest,
    WebhookDisabled,
    DeliveryDeadLettered,
    BillingExportDeliveryUpdated,
)
_INTERNAL = frozenset(event.type for event in SYSTEM_EVENTS) | {CONFIRMATION}


def is_internal(event_type: str) -> bool:
    """Tell whether Signalpost emits this type itself, so that its delivery must cause no further such event."""
    return event_type in _INTERNAL
