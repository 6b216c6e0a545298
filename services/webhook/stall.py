"""Detects stalls of this process: frozen, starved of CPU, or its event loop blocked.

A timeout during a stall says nothing about the receiver, because we could not have read its answer; so no attempt is
charged.
"""

import asyncio

TICK = 0.25
NOTICEABLE = 1.0
"""A tick that is this many seconds late shows a stall."""


class StallWatch:
    """Adds up how long the event loop was stalled, until `stop`."""

    def __init__(self) -> None:
        self._stalled = 0.0
        self._ticked_at = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._watch())

    def seconds(self) -> float:
        """Return the seconds stalled so far, including a stall that is just ending."""
        late = asyncio.get_running_loop().time() - self._ticked_at - TICK
        return self._stalled + (late if late > NOTICEABLE else 0.0)

    def stop(self) -> None:
        """Stop watching."""
        self._task.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._ticked_at = loop.time()
            await asyncio.sleep(TICK)
            self._stalled = self.seconds()
