"""The built-in types of system events, which Signalpost emits about its own work.

A system event must never cause another about its own delivery (`shared.model.system_events.is_internal`).
"""

from typing import Final

from shared.catalogue.entry import EventType
from shared.catalogue.fields import bare_link, count, data, ident, mail, text, time
from shared.model.reasons import DeliveryState
from shared.model.system_events import DEAD_LETTERED, DISABLED, EXPORT_UPDATED, TEST_EVENT

OWN_TYPES: Final = (
    EventType(
        type=TEST_EVENT,
        description="Somebody asked for a test of a webhook; only that webhook gets it, once.",
        schema=data(
            required=("webhook_id", "message"),
            webhook_id=ident("The webhook under test."),
            message=text("A sentence for readers of the receiver's log."),
            sent_by=text("Who asked for the test."),
        ),
        example={"webhook_id": "whk_1", "message": "This is a test event from Signalpost.", "sent_by": "user_1"},
        internal=True,
    ),
    EventType(
        type=DISABLED,
        description="A webhook was disabled because its receiver is gone or keeps failing.",
        schema=data(
            required=("webhook_id", "reason", "disabled_at"),
            webhook_id=ident("The webhook."),
            reason=text(
                "`gone`: the receiver answered 410; `consecutive_failures`: too many consecutive deliveries died."
            ),
            disabled_at=time("When."),
            consecutive_failures=count("Deliveries that died in a row."),
            url=bare_link("Its address, without credentials or query."),
        ),
        example={
            "webhook_id": "whk_1",
            "reason": "consecutive_failures",
            "disabled_at": "2026-11-21T10:00:00Z",
            "consecutive_failures": 10,
            "url": "https://hooks.example.com/in",
        },
        internal=True,
    ),
    EventType(
        type=DEAD_LETTERED,
        description="A delivery was given up and waits in the dead letters.",
        schema=data(
            required=("delivery_id", "event_id", "event_type", "channel", "reason", "attempts", "dead_at"),
            delivery_id=ident("The delivery."),
            event_id=ident("The event it carried."),
            event_type=ident("That event's type."),
            channel={"enum": ["webhook", "email"], "description": "How it was to be delivered."},
            subscription_id=text("The webhook or mail subscription; absent for recipients named in the event."),
            reason=ident("The dead reason, a stable word such as `retries_exhausted`."),
            detail=text("What happened last, for a person."),
            status={"type": "integer", "description": "The last HTTP or SMTP code."},
            attempts=count("Attempts made."),
            target=text("The webhook's address without credentials or query, or the mail address."),
            dead_at=time("When it was given up."),
        ),
        example={
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
        },
        internal=True,
    ),
    EventType(
        type=EXPORT_UPDATED,
        description="The delivery of a billing export to one recipient got on, or ended.",
        schema=data(
            required=("export_id", "delivery_id", "recipient", "state", "attempts"),
            export_id=ident("The export."),
            delivery_id=ident("The delivery."),
            recipient=mail("The recipient."),
            state={"enum": [state.value for state in DeliveryState], "description": "Where the delivery stands."},
            attempts=count("Attempts made so far."),
            message_id=text("The mail's Message-ID."),
            last_error=text("What the last attempt failed with."),
            updated_at=time("When this changed."),
            next_attempt_at=time("When it will be tried again."),
            delivered_at=time("When the mail server accepted it."),
        ),
        example={
            "export_id": "exp_5",
            "delivery_id": "dlv_1",
            "recipient": "accounts@example.com",
            "state": "delivered",
            "attempts": 1,
            "message_id": "<dlv_1@mail.example.com>",
            "updated_at": "2026-11-21T10:00:02Z",
            "delivered_at": "2026-11-21T10:00:02Z",
        },
        internal=True,
    ),
)
