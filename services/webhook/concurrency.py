"""Adaptive concurrency limits: how many requests may be in flight to each endpoint, so that one can't starve others.

An endpoint's limit grows while the endpoint answers and the limit is what holds it back; it shrinks while the
endpoint times out or can't be reached. At the limit, a delivery waits in a short queue for up to a second; then it is
deferred for about as long as its turn is away, and no attempt is charged.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from shared.telemetry.metrics import LIMIT_REDUCTIONS

INITIAL_LIMIT = 4.0
"""For an endpoint that has not answered yet: if it hangs, it holds this many of the consumer's places."""
MAX_LIMIT = 128.0
HELD_SECONDS = 20.0
"""Seconds of waiting in parallel that one endpoint may cause: one that takes 10 s to answer gets two places, one that
takes 150 ms or less gets as many as it can use."""
MAX_QUEUE = 100
QUEUE_TIMEOUT = 1.0
"""Seconds a delivery waits in the queue, and seconds without any answer after which the queue takes no more."""
SMOOTHING = 0.2
MAX_IDLE_ENDPOINTS = 10_000

MIN_WAIT, MAX_WAIT = 1.0, 3600.0


@dataclass
class ConcurrencyLimit:
    """The limit of one endpoint, and who uses and awaits its places."""

    value: float = INITIAL_LIMIT
    in_flight: int = 0
    duration: float = 0.1
    """Smoothed seconds per request."""
    progressed_at: float = 0.0
    """When the endpoint last answered, or its first request began, by the loop's clock."""
    queue: deque[asyncio.Future[None]] = field(default_factory=deque)
    deferred: int = 0
    """Deliveries deferred since the queue was last empty."""
    is_congested: bool = False
    """Whether the endpoint's latest request shows that it is overloaded or unreachable."""

    @property
    def is_idle(self) -> bool:
        """Whether no delivery uses or awaits a place."""
        return not self.in_flight and not self.queue

    async def acquire(self) -> float | None:
        """Take a place, queueing for it if the queue is short and moving; else return the seconds to defer for."""
        now = asyncio.get_running_loop().time()
        if self.in_flight < int(self.value):
            if not self.in_flight:
                self.progressed_at = now
            self.in_flight += 1
            return None
        is_stalled = now - self.progressed_at > QUEUE_TIMEOUT
        if is_stalled or len(self.queue) >= MAX_QUEUE or not await self._wait_in_queue():
            self.deferred += 1
            turn = (len(self.queue) + self.deferred) * self.duration / int(self.value)
            # A stalled endpoint's answer time is unknown: defer for as long as it has been silent.
            return min(max(turn, now - self.progressed_at, MIN_WAIT), MAX_WAIT)
        return None

    async def _wait_in_queue(self) -> bool:
        """Wait for a place; returns False if none came free in time."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.queue.append(place)
        try:
            async with asyncio.timeout(QUEUE_TIMEOUT):
                await place
        except (TimeoutError, asyncio.CancelledError) as error:
            if place.done() and not place.cancelled():  # the place came at the same moment
                if isinstance(error, TimeoutError):
                    return True
                self._pass_on()
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def release(self, *, duration: float, congested: bool) -> None:
        """Give the place back, with the request's duration and whether the endpoint seems overloaded."""
        self.progressed_at = asyncio.get_running_loop().time()
        self.is_congested = congested
        was_full = self.in_flight >= int(self.value)
        self.duration += SMOOTHING * (duration - self.duration)
        ceiling = min(max(HELD_SECONDS / max(self.duration, 0.001), 1.0), MAX_LIMIT)
        if congested:
            if self.value > 1.0:
                LIMIT_REDUCTIONS.inc()
            self.value = max(self.value / 2, 1.0)
        elif was_full:
            self.value += 1
        self.value = min(self.value, ceiling)
        self._pass_on()

    def _pass_on(self) -> None:
        """Give the freed place to the next in the queue, and more places if the limit has grown."""
        self.in_flight -= 1
        while self.queue and self.in_flight < int(self.value):
            place = self.queue.popleft()
            if not place.done():  # a waiter that timed out leaves a cancelled future behind
                self.in_flight += 1
                place.set_result(None)
        if not self.queue:
            self.deferred = 0


class EndpointLimits:
    """This process's concurrency limits, one for each subscription."""

    def __init__(self) -> None:
        self._limits: dict[str, ConcurrencyLimit] = {}

    def of(self, subscription_id: str) -> ConcurrencyLimit:
        """Return the limit of an endpoint."""
        limit = self._limits.get(subscription_id)
        if limit is None:
            if len(self._limits) >= MAX_IDLE_ENDPOINTS:
                self._forget_idle()
            limit = self._limits[subscription_id] = ConcurrencyLimit()
        return limit

    def congested(self) -> int:
        """Count the endpoints whose latest request shows that they are overloaded or unreachable."""
        return sum(limit.is_congested for limit in self._limits.values())

    def _forget_idle(self) -> None:
        # A forgotten endpoint starts again at the initial limit, which is small.
        self._limits = {key: limit for key, limit in self._limits.items() if not limit.is_idle}
