"""Exponential backoff before our own servers are tried again, with a ceiling and jitter."""

import asyncio
import random

_FIRST = 0.1
_CEILING = 5.0


class Backoff:
    """Waits that grow from 0.1 s to 5 s until `reset`."""

    def __init__(self) -> None:
        self._next = _FIRST

    def reset(self) -> None:
        """Start again from the shortest wait, after a success."""
        self._next = _FIRST

    async def wait(self) -> None:
        """Sleep for the next wait."""
        await asyncio.sleep(self._take())

    async def wait_unless(self, event: asyncio.Event) -> None:
        """Sleep for the next wait, or until the event is set."""
        try:
            async with asyncio.timeout(self._take()):
                await event.wait()
        except TimeoutError:
            pass  # the usual end of a wait

    def _take(self) -> float:
        wait = self._next * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
        self._next = min(self._next * 2, _CEILING)
        return wait
