"""Documents written through shared.storage, as the dispatcher and the consumers write them."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from shared.model.delivery import Attempt, Delivery
from shared.model.event import Event, StoredEvent, rfc3339
from shared.model.identity import delivery_id, email_subscription_id
from shared.model.reasons import DeliveryState
from shared.model.subscription import Subscription
from shared.process.clock import utc_now
from shared.storage import Database, Deliveries, Events, Subscriptions

DEAD = DeliveryState.DEAD


class Records:
    """Writes events and deliveries of one tenant."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.tenant = tenant
        self._events = Events(database)
        self._subscriptions = Subscriptions(database)
        self._deliveries = Deliveries(database, self._subscriptions)

    async def event(
        self,
        type_: str = "certificate.issued",
        *,
        data: bytes = b'{"certificate_id": "cert_42"}',
        subject: str | None = None,
        created_at: datetime | None = None,
        dispatched: bool = True,
    ) -> Event:
        """Store an event."""
        at = created_at or utc_now()
        event = Event(
            tenant_id=self.tenant,
            source="/tests",
            source_id=uuid4().hex,
            type=type_,
            time=at,
            time_text=rfc3339(at),
            subject=subject,
            data=data,
            traceparent=None,
        )
        await self._events.record_dispatched(
            [
                StoredEvent(
                    event=event,
                    created_at=at,
                    dispatched_at=at if dispatched else None,
                    matched=1,
                    uncatalogued=False,
                )
            ],
            known=frozenset(),
        )
        return event

    async def address(self, address: str, **fields: object) -> Subscription:
        """Store a mail subscription to everything."""
        now = utc_now()
        subscription = Subscription(
            id=email_subscription_id(tenant_id=self.tenant, address=address),
            tenant_id=self.tenant,
            channel="email",
            events=("*",),
            subject=None,
            enabled=True,
            created_at=now,
            updated_at=now,
            address=address,
        )
        subscription = replace(subscription, **fields)  # type: ignore[arg-type]
        await self._subscriptions.add(subscription)
        return subscription

    async def delivery(
        self, subscription_id: str, event: Event | None = None, *, state: DeliveryState = DEAD, **fields: object
    ) -> Delivery:
        """Store a delivery; of an event of its own, unless one is given."""
        event = event or await self.event()
        now = utc_now()
        channel = str(fields.pop("channel", "webhook"))
        target = subscription_id or f"mailto:{fields.get('recipient')}"
        delivery = Delivery(
            id=delivery_id(event_id=event.id, target=target),
            tenant_id=self.tenant,
            event_id=event.id,
            event_type=event.type,
            subscription_id=subscription_id,
            channel=channel,
            state=state,
            created_at=now,
            updated_at=now,
            target="https://hooks.example.com/in",
            reason="http_4xx" if state is DEAD else None,
        )
        delivery = replace(delivery, **fields)  # type: ignore[arg-type]
        if delivery.attempts:
            delivery = replace(delivery, attempts_made=len(delivery.attempts))
        await self._deliveries.add([delivery])
        return delivery


def failed_attempt(number: int = 1, *, at: datetime | None = None, status: int = 500) -> Attempt:
    """An attempt that the receiver answered with an error."""
    return Attempt(
        number=number,
        started_at=at or utc_now() - timedelta(seconds=1),
        duration_ms=12,
        status=status,
        error=f"http_{status}",
        detail=f"The receiver answered {status}.",
        excerpt="sorry",
    )


def good_attempt(number: int = 1, *, at: datetime | None = None) -> Attempt:
    """An attempt that was taken."""
    return Attempt(number=number, started_at=at or utc_now(), duration_ms=8, status=204)
