"""Plans the deliveries of an event, and the state in which each begins. Pure: no storage, no broker."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from shared.catalogue import MAIL_RECIPIENTS, direct_recipients
from shared.model.delivery import Delivery, Transport
from shared.model.event import Event
from shared.model.identity import delivery_id
from shared.model.matching import matched, tested_webhook
from shared.model.reasons import DeliveryState, SkipReason
from shared.model.subscription import Subscription
from shared.model.system_events import EXPORT_READY
from shared.model.topology import EMAIL, WEBHOOK

_data = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)  # 1e400 is legal JSON, but not a float
_SENDS = {"disabled": (), "webhook": (WEBHOOK,), "smtp": (WEBHOOK, EMAIL)}


def plan_deliveries(
    event: Event,
    subscriptions: Iterable[Subscription],
    *,
    transport: Transport,
    now: datetime,
    traceparent: str,
) -> list[Delivery]:
    """Return the new deliveries of an event: one for each matching subscription and each recipient it names."""

    def delivery(
        target_id: str, channel: str, skip: SkipReason | None, *, subscription_id: str, recipient: str, target: str
    ) -> Delivery:
        if channel not in _SENDS[transport]:
            skip = SkipReason.TRANSPORT_DISABLED
        return Delivery(
            id=delivery_id(event_id=event.id, target=target_id),
            tenant_id=event.tenant_id,
            event_id=event.id,
            event_type=event.type,
            channel=channel,
            state=DeliveryState.PENDING if skip is None else DeliveryState.SKIPPED,
            reason=None if skip is None else skip.value,
            created_at=now,
            updated_at=now,
            due_at=now if skip is None else None,
            traceparent=traceparent,
            subscription_id=subscription_id,
            recipient=recipient,
            target=target,
            export_id=export_id if channel == EMAIL else "",
        )

    export_id = _export_id(event)
    planned = [
        delivery(
            subscription.id,
            subscription.channel,
            _skip(subscription, event),
            subscription_id=subscription.id,
            recipient=subscription.address,
            target=subscription.target,
        )
        for subscription in matched(event, subscriptions)
    ]
    direct = [
        delivery(f"mailto:{address}", EMAIL, None, subscription_id="", recipient=address, target=address)
        for address in _recipients(event)
    ]
    return planned + direct


def _recipients(event: Event) -> tuple[str, ...]:
    if event.type not in MAIL_RECIPIENTS:
        return ()
    return direct_recipients(event.type, _data.decode(event.data))


def _export_id(event: Event) -> str:
    if event.type != EXPORT_READY:
        return ""
    return str(_data.decode(event.data).get("export_id", ""))


def _skip(subscription: Subscription, event: Event) -> SkipReason | None:
    # Owners use a test to find out whether a disabled webhook would work again.
    if subscription.enabled or tested_webhook(event) is not None:
        return None
    return SkipReason.WEBHOOK_DISABLED
