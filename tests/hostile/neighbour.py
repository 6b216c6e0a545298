"""An honest client beside an attack: its requests are answered, and the server's memory stays bounded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import psutil

from tests.support.system import System, token

ANSWERED_WITHIN = 5.0
MEMORY = 64 * 1024 * 1024
"""Bytes by which the process may have grown."""


@asynccontextmanager
async def undisturbed(api: System, tenant: str) -> AsyncIterator[None]:
    """Ask for webhooks again and again, on one connection, as long as the block lasts, and see that all goes well."""
    process = psutil.Process(api.services["api"].pid)
    before = process.memory_info().rss
    over = asyncio.Event()
    asking = asyncio.create_task(_ask(api, tenant, process, over))
    try:
        yield
    finally:
        over.set()
        highest = await asking
    assert highest - before < MEMORY, f"grew by {(highest - before) / 1e6:.0f} MB"


async def _ask(api: System, tenant: str, process: psutil.Process, over: asyncio.Event) -> int:
    """Ask until it is over, at least once; return the process's highest memory seen."""
    highest, asked = 0, 0
    timeout = aiohttp.ClientTimeout(total=ANSWERED_WITHIN)
    headers = {"Authorization": f"Bearer {token(tenant)}"}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        while not over.is_set() or not asked:
            async with session.get(f"{api.url}/api/v1/webhooks") as answer:
                assert answer.status == 200, await answer.text()
                asked += 1
            highest = max(highest, process.memory_info().rss)
            await asyncio.sleep(0.01)
    return highest
