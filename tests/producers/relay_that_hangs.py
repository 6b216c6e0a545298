"""A relay that publishes what is in the outbox, says so, and then hangs for ever instead of removing it."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from pymongo import AsyncMongoClient

from signalpost.outbox import Outbox, OutboxRelay, OutboxRow
from signalpost.producer import EventPublisher


class HangingOutbox(Outbox):
    """Never forgets."""

    async def remove(self, rows: Sequence[OutboxRow]) -> None:
        """Hang where a relay has published and not yet removed."""
        print(f"published {len(rows)}", flush=True)  # noqa: T201 - the test waits for this line
        await asyncio.Event().wait()


async def main(amqp_url: str, mongodb_url: str, database: str) -> None:
    """Relay one batch, and never get to its end."""
    async with (
        AsyncMongoClient[dict[str, Any]](mongodb_url) as client,
        EventPublisher(amqp_url, source="/wipe/backend") as publisher,
    ):
        await OutboxRelay(HangingOutbox(client[database], source="/wipe/backend"), publisher, lease=2).relay_batch()


asyncio.run(main(*sys.argv[1:]))
