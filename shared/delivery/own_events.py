"""The events that Signalpost emits itself about deliveries and webhooks. Pure.

Their identity is derived from what they report, so emitting one again after a crash makes no second event.
An event of our own never leads to another about its own delivery: that would never end.
"""

from datetime import datetime

import msgspec

from shared.catalogue import is_internal
from shared.messages import OWN_SOURCE, Event, rfc3339
from shared.storage import Delivery, Subscription


def own_event(
    *, tenant_id: str, source_id: str, type_: str, time: datetime, subject: str, data: dict[str, object]
) -> Event:
    """Return an event with Signalpost as its source."""
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


def dead_lettered(delivery: Delivery) -> Event | None:
    """Return the event about a dead letter, or None if the dead delivery was of one of our own events."""
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
    return own_event(
        tenant_id=delivery.tenant_id,
        source_id=f"dead-lettered/{delivery.id}/{delivery.attempts_made}",
        type_="delivery.dead_lettered",
        time=delivery.updated_at,
        subject=f"deliveries/{delivery.id}",
        data=data,
    )


def webhook_disabled(webhook: Subscription) -> Event:
    """Return the event about a webhook that Signalpost disabled."""
    disabled_at = webhook.disabled_at or webhook.updated_at
    return own_event(
        tenant_id=webhook.tenant_id,
        source_id=f"webhook-disabled/{webhook.id}/{rfc3339(disabled_at)}",
        type_="webhook.disabled",
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
