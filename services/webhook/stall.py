"""Notices when this process itself stood still: frozen, starved of CPU, or its event loop blocked.

A timeout that passed while we could not have read the answer says nothing about the receiver, so nobody is
charged for it.
"""

import asyncio

TICK = 0.25
NOTICEABLE = 1.0
"""A tick that comes this many seconds late is a standstill."""


class StallWatch:
    """Adds up how long the event loop stood still; watches for as long as its task runs."""

    def __init__(self) -> None:
        self._stood_still = 0.0
        self._ticked_at = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._watch())

    def seconds(self) -> float:
        """Return how long the loop stood still so far, a standstill that is just ending included."""
        late = asyncio.get_running_loop().time() - self._ticked_at - TICK
        return self._stood_still + (late if late > NOTICEABLE else 0.0)

    def stop(self) -> None:
        """Watch no longer."""
        self._task.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._ticked_at = loop.time()
            await asyncio.sleep(TICK)
            self._stood_still = self.seconds()
