"""Looks every second whether broker and database can be reached, and reconnects the broker before anybody waits."""

import asyncio
import contextlib
from typing import Final

from shared.broker import BrokerUnavailable, Publisher
from shared.storage import Database

INTERVAL: Final = 1.0


class Watch:
    """What readiness is judged by."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database, self._publisher = database, publisher

    def checks(self) -> dict[str, bool]:
        """Return what serving requests needs."""
        return {"broker": self._publisher.is_ready, "database": self._database.is_ready}

    async def run(self) -> None:
        """Look until cancelled."""
        await asyncio.gather(self._database.watch(), self._watch_broker())

    async def _watch_broker(self) -> None:
        while True:
            with contextlib.suppress(BrokerUnavailable):  # `is_ready` says so
                await self._publisher.connect()
            await asyncio.sleep(INTERVAL)
