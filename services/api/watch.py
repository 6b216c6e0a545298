"""Looks every second whether broker and database can be reached, and reconnects the broker before anybody waits."""

import asyncio
import contextlib
from typing import Final

from shared.broker import BrokerUnavailable, Publisher
from shared.storage import Database, StorageUnavailable

INTERVAL: Final = 1.0
PING_TIMEOUT: Final = 3.0


class Watch:
    """What readiness is judged by."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database, self._publisher = database, publisher
        self._database_answers = False

    def checks(self) -> dict[str, bool]:
        """Return what serving requests needs."""
        return {"broker": self._publisher.is_ready, "database": self._database_answers}

    async def run(self) -> None:
        """Look until cancelled."""
        await asyncio.gather(self._watch_database(), self._watch_broker())

    async def _watch_database(self) -> None:
        while True:
            try:
                async with asyncio.timeout(PING_TIMEOUT):
                    await self._database.ping()
                self._database_answers = True
            except (StorageUnavailable, TimeoutError):
                self._database_answers = False
            await asyncio.sleep(INTERVAL)

    async def _watch_broker(self) -> None:
        while True:
            with contextlib.suppress(BrokerUnavailable):  # `is_ready` says so
                await self._publisher.connect()
            await asyncio.sleep(INTERVAL)
