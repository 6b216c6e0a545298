"""Combines many small requests of nearly the same time into one big one.

It saves a database round trip for each message: every caller awaits its own result, while one flush serves all
callers of the last few milliseconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_FLUSHES = 2
"""Maximum concurrent flushes. While both run, items queue up, so batches grow with load. Without this limit batches
would stay small: each small batch that ends lets in just enough work for another small one."""
BUSY = 12
"""A batch of this many items means load, so the next one may collect for longer. Fewer items don't justify a second
flush beside the first: its cost would slow the first one down too."""
PATIENCE = 0.025
"""A small batch is flushed after this many seconds even if another flush is running."""


class Batcher(Generic[Item, Result]):
    """Collects items for `window` seconds or until there are `max_items`, then flushes them together.

    A window of 0 ends with the event loop's current iteration, so items that arrive together still share a flush.

    Under load it collects for `busy_window` seconds (by default the same): a flush costs much more than an item, so
    waiting a few milliseconds longer increases throughput.

    `flush` returns one result for each item, in order. If it raises, every caller of that batch gets the error.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        window: float,
        max_items: int,
        busy_window: float | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._flush, self._max_items, self._patience = flush, max_items, patience
        self._calm_window, self._busy_window = window, window if busy_window is None else busy_window
        self._window = window
        self._items: list[Item] = []
        self._futures: list[asyncio.Future[Result]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_due, self._is_late = False, False
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Result:
        """Add an item to the current batch and wait for its result."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._items.append(item)
        self._futures.append(future)
        if self._timer is None:
            self._timer = loop.call_later(self._window, self._window_ended)
        self._flush_if_time()
        return await future

    def _window_ended(self) -> None:
        self._is_due = True
        self._flush_if_time()
        if self._is_due:
            self._timer = asyncio.get_running_loop().call_later(self._patience, self._patience_ended)

    def _patience_ended(self) -> None:
        self._is_late = True
        self._flush_if_time()

    def _is_time(self) -> bool:
        if len(self._running) >= MAX_FLUSHES:
            return False
        if len(self._items) >= self._max_items:
            return True
        return self._is_due and (not self._running or self._is_late or len(self._items) >= BUSY)

    def _flush_if_time(self) -> None:
        if not self._is_time():
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._is_due, self._is_late = None, False, False
        items, self._items = self._items[: self._max_items], self._items[self._max_items :]
        futures, self._futures = self._futures[: self._max_items], self._futures[self._max_items :]
        self._window = self._busy_window if len(items) >= BUSY else self._calm_window
        if self._items:
            self._timer = asyncio.get_running_loop().call_later(self._window, self._window_ended)
        task = asyncio.create_task(self._run(items, futures))
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._flush_if_time()

    async def _run(self, items: list[Item], futures: list[asyncio.Future[Result]]) -> None:
        try:
            settled = list(zip(futures, await self._flush(items), strict=True))
        except BaseException as error:
            for future in futures:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for future, result in settled:
            if not future.done():  # its caller may have been cancelled meanwhile
                future.set_result(result)
