"""System events: what Signalpost itself emits about deliveries and webhooks.

Their identity is derived from what they report, so emitting one again after a crash makes no second event. A system
event never causes another about its own delivery: that would never end.
"""

from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

from shared.model.delivery import Delivery
from shared.model.event import OWN_SOURCE, Event, epoch_ms, rfc3339
from shared.model.reasons import DeliveryState
from shared.model.subscription import Subscription
from shared.model.task import Task
from shared.model.topology import EMAIL
from signalpost.events import BillingExportReady, system
from signalpost.events.system import CONFIRMATION, is_internal

__all__ = [
    "CONFIRMATION",
    "DEAD_LETTERED",
    "DISABLED",
    "EXPORT_READY",
    "EXPORT_UPDATED",
    "TEST_EVENT",
    "dead_lettered",
    "delivery_updated",
    "is_export_mail",
    "is_internal",
    "system_event",
    "webhook_disabled",
    "webhook_reported",
]

EXPORT_READY: Final = BillingExportReady.type
TEST_EVENT: Final = system.WebhookTest.type
DISABLED: Final = system.WebhookDisabled.type
DEAD_LETTERED: Final = system.DeliveryDeadLettered.type
EXPORT_UPDATED: Final = system.BillingExportDeliveryUpdated.type


def system_event(
    *, tenant_id: str, source_id: str, type_: str, time: datetime, subject: str, data: dict[str, object]
) -> Event:
    """Return an event whose source is Signalpost."""
    return Event(
        tenant_id=tenant_id,
        source=OWN_SOURCE,
        source_id=source_id,
        type=type_,
        time=time,
        time_text=rfc3339(time),
        subject=subject,
        data=msgspec.json.encode(data),
        traceparent=None,
    )


@lru_cache(maxsize=1)  # one event is asked about for each subscription in turn; more would hold 1 MiB each
def webhook_reported(type_: str, subject: str | None, data: bytes) -> str | None:
    """Return the id of the webhook that a system event (type, subject, data) reports on; None if it is about none.

    Raises:
        msgspec.DecodeError: the data is not what Signalpost emits.
    """
    if type_ == DEAD_LETTERED:
        return msgspec.json.decode(data, type=_Reported).subscription_id
    kind, _, name = (subject or "").partition("/")
    return name if is_internal(type_) and kind == "webhooks" else None


class _Reported(msgspec.Struct):
    subscription_id: str | None = None


def dead_lettered(delivery: Delivery) -> Event | None:
    """Return the event about a dead letter; None if the dead delivery was of a system event."""
    if is_internal(delivery.event_type):
        return None
    data: dict[str, object] = {
        "delivery_id": delivery.id,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "channel": delivery.channel,
        "reason": delivery.reason or "",
        "detail": delivery.detail,
        "attempts": delivery.attempts_made,
        "dead_at": rfc3339(delivery.updated_at),
    }
    if delivery.subscription_id:
        data["subscription_id"] = delivery.subscription_id
    if delivery.target:
        data["target"] = delivery.target
    if delivery.attempts and delivery.attempts[-1].status is not None:
        data["status"] = delivery.attempts[-1].status
    return system_event(
        tenant_id=delivery.tenant_id,
        # A delivery can die again after a replay without another attempt: each death has its own time.
        source_id=f"dead-lettered/{delivery.id}/{delivery.attempts_made}/{epoch_ms(delivery.updated_at)}",
        type_=DEAD_LETTERED,
        time=delivery.updated_at,
        subject=f"deliveries/{delivery.id}",
        data=data,
    )


def is_export_mail(item: Delivery | Task) -> bool:
    """Tell whether each change of this delivery emits `billing.export.delivery_updated`."""
    return item.channel == EMAIL and item.event_type == EXPORT_READY


def delivery_updated(delivery: Delivery) -> Event | None:
    """Return the event about the state of a billing export's mail; None for every other delivery."""
    if not is_export_mail(delivery):
        return None
    data: dict[str, object] = {
        "export_id": delivery.export_id,
        "delivery_id": delivery.id,
        "recipient": delivery.recipient,
        "state": delivery.state.value,
        "attempts": delivery.attempts_made,
        "updated_at": rfc3339(delivery.updated_at),
    }
    if delivery.message_id:
        data["message_id"] = delivery.message_id
    if delivery.last_error:
        data["last_error"] = delivery.last_error
    if delivery.state is DeliveryState.RETRYING and delivery.due_at is not None:
        data["next_attempt_at"] = rfc3339(delivery.due_at)
    if delivery.state is DeliveryState.DELIVERED:
        data["delivered_at"] = rfc3339(delivery.updated_at)
    return system_event(
        tenant_id=delivery.tenant_id,
        source_id=f"export-delivery/{delivery.id}/{delivery.attempts_made}/{delivery.state.value}",
        type_=EXPORT_UPDATED,
        time=delivery.updated_at,
        subject=f"deliveries/{delivery.id}",
        data=data,
    )


def webhook_disabled(webhook: Subscription) -> Event:
    """Return the event about a webhook that Signalpost disabled."""
    disabled_at = webhook.disabled_at or webhook.updated_at
    return system_event(
        tenant_id=webhook.tenant_id,
        source_id=f"webhook-disabled/{webhook.id}/{rfc3339(disabled_at)}",
        type_=DISABLED,
        time=disabled_at,
        subject=f"webhooks/{webhook.id}",
        data={
            "webhook_id": webhook.id,
            "url": webhook.target,
            "reason": webhook.disabled_reason or "",
            "disabled_at": rfc3339(disabled_at),
            "consecutive_failures": webhook.consecutive_failures,
        },
    )
