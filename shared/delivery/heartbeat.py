"""Shows the reconciler that a slow attempt is alive, so that it doesn't hand the delivery to another process too.

An attempt that ends soon, as nearly all do, costs a timer and no write.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shared.delivery.ports import DeliveryStore
from shared.model.task import Task
from shared.process.clock import now_ms, utc_now

LATE_TASK_DELAY: Final = 1.0
"""Seconds until the first beat of an attempt whose task came late: the reconciler already takes it for stranded."""


class Heartbeat:
    """Writes beats into the documents of deliveries that are being attempted."""

    def __init__(self, deliveries: DeliveryStore, *, reconcile_after: float) -> None:
        self._deliveries = deliveries
        self._interval = reconcile_after / 3

    @contextmanager
    def during(self, task: Task) -> Iterator[None]:
        """Keep the reconciler away from the task's delivery while the block runs."""
        loop = asyncio.get_running_loop()
        beating: asyncio.Task[None] | None = None

        def start() -> None:
            nonlocal beating
            beating = loop.create_task(self._beat(task.delivery_id))

        is_late = now_ms() - task.not_before > self._interval * 1000
        timer = loop.call_later(min(LATE_TASK_DELAY, self._interval) if is_late else self._interval, start)
        try:
            yield
        finally:
            timer.cancel()
            if beating is not None:
                beating.cancel()

    async def _beat(self, delivery_id: str) -> None:
        while True:
            await self._deliveries.defer(delivery_id, utc_now())
            await asyncio.sleep(self._interval)
