"""Waiting for something to become true, with a deadline that fails the test and says what was last seen."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Seen = TypeVar("Seen")

POLL = 0.05


async def eventually(
    look: Callable[[], Awaitable[Seen]], *, until: Callable[[Seen], bool] = bool, within: float = 20.0
) -> Seen:
    """Look again and again until what is seen satisfies `until`; return it."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        seen = await look()
        if until(seen):
            return seen
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {within:g} s; last seen: {seen!r}")
        await asyncio.sleep(POLL)


async def eventually_here(
    look: Callable[[], Seen], *, until: Callable[[Seen], bool] = bool, within: float = 20.0
) -> Seen:
    """The same for what can be seen in this process, without asking anybody."""

    async def looking() -> Seen:
        return look()

    return await eventually(looking, until=until, within=within)
