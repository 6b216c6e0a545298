"""The parts of every worker, created once and closed together. Nothing happens at import."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from shared.broker import Consumer, Incoming, Publisher
from shared.delivery.ports import DeliveryStore, EventStore, MessagePublisher, SubscriptionStore
from shared.delivery.settle import Settler
from shared.model.topology import topology
from shared.process.settings import DeliverySettings
from shared.storage import Database, Deliveries, Events, Subscriptions
from shared.telemetry.setup import tracing_for
from shared.telemetry.tracing import Tracing


@dataclass(frozen=True, kw_only=True)
class WorkerContext:
    """A worker's own connections, and what uses them."""

    database: Database
    publisher: MessagePublisher
    subscriptions: SubscriptionStore
    events: EventStore
    deliveries: DeliveryStore
    settler: Settler
    reconcile_after: float
    """Seconds past its due time after which a delivery counts as stuck."""
    tracing: Tracing | None

    @classmethod
    def from_settings(cls, settings: DeliverySettings, *, name: str) -> "WorkerContext":
        """Make the parts; each connects on first use."""
        database = Database(settings.mongodb_url.get_secret_value(), settings.mongodb_database, app=name, holds=True)
        publisher = Publisher(settings.amqp_url.get_secret_value(), name=f"{name}.publisher", topology=topology())
        subscriptions = Subscriptions(database)
        deliveries = Deliveries(database, subscriptions)
        return cls(
            database=database,
            publisher=publisher,
            subscriptions=subscriptions,
            events=Events(database),
            deliveries=deliveries,
            settler=Settler(
                publisher,
                deliveries,
                subscriptions,
                auto_disable_after=settings.notification_auto_disable_after,
            ),
            reconcile_after=settings.notification_reconcile_after,
            tracing=tracing_for(f"signalpost-{name}", settings),
        )

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch whether the database answers, while the block runs."""
        watching = asyncio.create_task(self.database.watch())
        try:
            yield
        finally:
            watching.cancel()

    async def aclose(self) -> None:
        """Close the connections."""
        await self.publisher.aclose()
        await self.database.aclose()
        if self.tracing is not None:
            await self.tracing.aclose()


def consumer_for(
    settings: DeliverySettings,
    queue: str,
    handler: Callable[[Incoming], Coroutine[Any, Any, None]],
    *,
    name: str,
    prefetch: int,
) -> Consumer:
    """Return a consumer of one of our queues; `name` is what the broker calls its connection."""
    url = settings.amqp_url.get_secret_value()
    return Consumer(url, queue, name=name, prefetch=prefetch, topology=topology(), handler=handler)
