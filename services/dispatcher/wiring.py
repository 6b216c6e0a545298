"""Puts the dispatcher together: consumers of `events.to_dispatch` and `events.set_aside`, and the reconciler."""

import asyncio

from services.dispatcher.handler import EventHandler
from services.dispatcher.settings import DispatcherSettings
from shared.catalogue import Catalogue
from shared.delivery.context import WorkerContext, consumer_for
from shared.delivery.reconciler import Reconciler
from shared.model.topology import DEFERRED_EVENTS, EVENTS_TO_DISPATCH

PREFETCH = 1000
"""Two full batches, one being stored while the next one fills, and the events deferred meanwhile."""
DEFERRED_PREFETCH = 50
"""Deferred events share the batches with new ones and must never be most of a batch."""


class Dispatcher:
    """The dispatcher as a service of the runtime."""

    name = "dispatcher"

    def __init__(self, settings: DispatcherSettings) -> None:
        self._retention_days = settings.retention_days
        self._context = context = WorkerContext.from_settings(settings, name=self.name)
        handler = EventHandler(
            Catalogue.load(settings.event_types_file), context, transport=settings.notification_transport
        )
        queues = (
            (EVENTS_TO_DISPATCH, PREFETCH, handler.handle),
            (DEFERRED_EVENTS, DEFERRED_PREFETCH, handler.handle_deferred),
        )
        self._consumers = [
            consumer_for(settings, queue, handle, name=f"{self.name}.{queue}", prefetch=prefetch)
            for queue, prefetch, handle in queues
        ]
        self._reconciler = Reconciler(context, after=settings.notification_reconcile_after)

    def checks(self) -> dict[str, bool]:
        """Return the conditions for dispatching."""
        return {
            "broker": all(consumer.is_ready for consumer in self._consumers),
            "database": self._context.database.is_ready,
        }

    async def run(self) -> None:
        """Dispatch until stopped."""
        await self._context.database.ensure_indexes(self._retention_days)
        reconciling = asyncio.create_task(self._reconciler.run())
        try:
            async with self._context.watched():
                await asyncio.gather(*(consumer.run() for consumer in self._consumers))
        finally:
            reconciling.cancel()

    async def stop(self) -> None:
        """Finish what is in flight, then close."""
        await asyncio.gather(*(consumer.stop() for consumer in self._consumers))
        await self._context.aclose()
