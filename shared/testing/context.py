"""A worker's context over the stand-ins: orchestration runs as in production, without a server."""

from dataclasses import dataclass
from typing import cast

from shared.delivery.context import WorkerContext
from shared.delivery.settle import Settler
from shared.storage import Database
from shared.testing.deliveries import MemoryDeliveries
from shared.testing.events import MemoryEvents
from shared.testing.publisher import MemoryPublisher
from shared.testing.subscriptions import MemorySubscriptions


class MemoryDatabase:
    """Stands for the connection: reachable or not."""

    def __init__(self) -> None:
        self.is_ready = True

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""


@dataclass(frozen=True)
class Memory:
    """Everything in memory, and the context that workers are given."""

    database: MemoryDatabase
    publisher: MemoryPublisher
    subscriptions: MemorySubscriptions
    events: MemoryEvents
    deliveries: MemoryDeliveries
    context: WorkerContext

    @classmethod
    def empty(cls, *, auto_disable_after: int = 10, reconcile_after: float = 60.0) -> "Memory":
        """Make one with nothing in it."""
        database, publisher, events = MemoryDatabase(), MemoryPublisher(), MemoryEvents()
        subscriptions = MemorySubscriptions()
        deliveries = MemoryDeliveries(subscriptions)
        context = WorkerContext(
            database=cast("Database", database),  # workers only ask whether it is ready
            publisher=publisher,
            subscriptions=subscriptions,
            events=events,
            deliveries=deliveries,
            settler=Settler(publisher, deliveries, subscriptions, auto_disable_after=auto_disable_after),
            reconcile_after=reconcile_after,
            tracing=None,
        )
        return cls(database, publisher, subscriptions, events, deliveries, context)
