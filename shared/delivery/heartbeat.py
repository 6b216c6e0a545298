"""Tells the reconciler that a delivery which takes long is being worked on, and does not stand still.

Otherwise it would give it to another process too. A try that ends soon, as nearly all do, costs a timer and no write.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shared.model.task import Task
from shared.process.clock import now_ms, utc_now
from shared.storage import Deliveries

SOON: Final = 1.0
"""Seconds after which a try is noted whose task comes late: to the reconciler it looks stranded already."""


class UnderWay:
    """Notes which tries are under way, in the documents of their deliveries."""

    def __init__(self, deliveries: Deliveries, *, reconcile_after: float) -> None:
        self._deliveries = deliveries
        self._interval = reconcile_after / 3

    @contextmanager
    def noted(self, task: Task) -> Iterator[None]:
        """Keep the reconciler away from a task's delivery for as long as the block lasts."""
        loop = asyncio.get_running_loop()
        noting: asyncio.Task[None] | None = None

        def begin() -> None:
            nonlocal noting
            noting = loop.create_task(self._note(task.delivery_id))

        is_late = now_ms() - task.not_before > self._interval * 1000
        timer = loop.call_later(min(SOON, self._interval) if is_late else self._interval, begin)
        try:
            yield
        finally:
            timer.cancel()
            if noting is not None:
                noting.cancel()

    async def _note(self, delivery_id: str) -> None:
        while True:
            await self._deliveries.defer(delivery_id, utc_now())
            await asyncio.sleep(self._interval)
