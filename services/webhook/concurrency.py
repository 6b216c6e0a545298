"""Keeps one receiver from taking the place of the others: a bound on the requests in flight to each endpoint.

The bound grows while an endpoint answers and its bound is what holds it back, and shrinks while it times out or
can't be reached. Beyond the bound there is a short line, in which nobody stands for longer than a second; beyond
that the delivery takes the delay ladder, for about as long as its turn is away, and no attempt is charged.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from shared.telemetry.metrics import BOUND_REDUCTIONS

FIRST_BOUND = 4.0
"""For an endpoint not heard of yet: if it hangs, this is how many of the consumer's places it holds."""
MAX_BOUND = 128.0
HELD_SECONDS = 20.0
"""How many seconds of waiting in parallel one endpoint may cause: one that takes 10 s to answer gets two places,
one that takes 150 ms or less gets as many as it can use."""
MAX_LINE = 100
PATIENCE = 1.0
"""Seconds in line, and seconds without any answer after which nobody joins the line any more."""
SMOOTHING = 0.2
MAX_IDLE_LANES = 10_000

MIN_WAIT, MAX_WAIT = 1.0, 3600.0


@dataclass
class Lane:
    """The way to one endpoint."""

    bound: float = FIRST_BOUND
    in_flight: int = 0
    duration: float = 0.1
    """Smoothed seconds per request."""
    moved_at: float = 0.0
    """When it was last answered or began to be used, by the loop's clock."""
    line: deque[asyncio.Future[None]] = field(default_factory=deque)
    away: int = 0
    """How many deliveries were sent to the ladder since the lane was last clear."""
    is_congested: bool = False
    """Whether its latest request says that the endpoint can't take more, or anything at all."""

    @property
    def is_idle(self) -> bool:
        """Whether nobody uses or waits for it."""
        return not self.in_flight and not self.line

    async def enter(self) -> float | None:
        """Take a place, standing in line for it if that is short and moving; else return the seconds to stay away."""
        now = asyncio.get_running_loop().time()
        if self.in_flight < int(self.bound):
            if not self.in_flight:
                self.moved_at = now
            self.in_flight += 1
            return None
        is_stalled = now - self.moved_at > PATIENCE
        if is_stalled or len(self.line) >= MAX_LINE or not await self._stand_in_line():
            self.away += 1
            turn = (len(self.line) + self.away) * self.duration / int(self.bound)
            # While nothing is answered at all, how long that takes is not known yet: then about as long again.
            return min(max(turn, now - self.moved_at, MIN_WAIT), MAX_WAIT)
        return None

    async def _stand_in_line(self) -> bool:
        """Wait for a place; returns False if none came up in time."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.line.append(place)
        try:
            async with asyncio.timeout(PATIENCE):
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

    def leave(self, *, duration: float, congested: bool) -> None:
        """Give the place back, and say how long the request took and whether the endpoint seems overloaded."""
        self.moved_at = asyncio.get_running_loop().time()
        self.is_congested = congested
        was_full = self.in_flight >= int(self.bound)
        self.duration += SMOOTHING * (duration - self.duration)
        ceiling = min(max(HELD_SECONDS / max(self.duration, 0.001), 1.0), MAX_BOUND)
        if congested:
            if self.bound > 1.0:
                BOUND_REDUCTIONS.inc()
            self.bound = max(self.bound / 2, 1.0)
        elif was_full:
            self.bound += 1
        self.bound = min(self.bound, ceiling)
        self._pass_on()

    def _pass_on(self) -> None:
        """Give a freed place to the next in line, and more if the bound has grown."""
        self.in_flight -= 1
        while self.line and self.in_flight < int(self.bound):
            place = self.line.popleft()
            if not place.done():  # whoever lost patience has left a cancelled place behind
                self.in_flight += 1
                place.set_result(None)
        if not self.line:
            self.away = 0


class Lanes:
    """The lanes of one process, by subscription."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}

    def to(self, subscription_id: str) -> Lane:
        """Return the lane to an endpoint."""
        lane = self._lanes.get(subscription_id)
        if lane is None:
            if len(self._lanes) >= MAX_IDLE_LANES:
                self._forget_idle()
            lane = self._lanes[subscription_id] = Lane()
        return lane

    def congested(self) -> int:
        """Count the endpoints whose latest request says that they can't take more, or anything at all."""
        return sum(lane.is_congested for lane in self._lanes.values())

    def _forget_idle(self) -> None:
        # A forgotten endpoint begins again with the first bound, which is a small one.
        self._lanes = {key: lane for key, lane in self._lanes.items() if not lane.is_idle}
