"""Puts the dispatcher together: one consumer of `events.to_dispatch`, and the reconciler beside it."""

import asyncio

from services.dispatcher.handler import EventHandler
from services.dispatcher.settings import DispatcherSettings
from shared.broker import Consumer
from shared.catalogue import Catalogue
from shared.delivery.context import WorkerContext
from shared.delivery.reconciler import Reconciler
from shared.topology import EVENTS_TO_DISPATCH, topology

PREFETCH = 400
"""Two full batches: one is stored while the next one gathers."""


class Dispatcher:
    """The dispatcher as a service of the runtime."""

    name = "dispatcher"

    def __init__(self, settings: DispatcherSettings) -> None:
        self._retention_days = settings.retention_days
        self._context = context = WorkerContext.from_settings(settings, name=self.name)
        handler = EventHandler(
            Catalogue.load(settings.event_types_file), context, transport=settings.notification_transport
        )
        self._consumer = Consumer(
            settings.amqp_url.get_secret_value(),
            EVENTS_TO_DISPATCH,
            name=f"{self.name}.consumer",
            prefetch=PREFETCH,
            topology=topology(),
            handler=handler.handle,
        )
        self._reconciler = Reconciler(context, after=settings.notification_reconcile_after)

    def checks(self) -> dict[str, bool]:
        """Return what dispatching needs."""
        return {"broker": self._consumer.is_ready, "database": self._context.database.is_ready}

    async def run(self) -> None:
        """Dispatch until stopped."""
        await self._context.database.ensure_indexes(self._retention_days)
        reconciling = asyncio.create_task(self._reconciler.run())
        try:
            async with self._context.watched():
                await self._consumer.run()
        finally:
            reconciling.cancel()

    async def stop(self) -> None:
        """Finish what is in flight, then close."""
        await self._consumer.stop()
        await self._context.aclose()
