"""Takes everything off some queues, in the place of the consumers, and keeps it for the tests to look at."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.broker import Consumer, Incoming
from shared.model.topology import topology
from tests.support.waiting import eventually_here


@dataclass(frozen=True, kw_only=True)
class Tapped:
    """One message."""

    queue: str
    routing_key: str
    headers: dict[str, object]
    body: bytes


class Tap:
    """What came so far."""

    def __init__(self) -> None:
        self.messages: list[Tapped] = []

    async def tasks(self, *delivery_ids: str, within: float = 10.0) -> list[Tapped]:
        """Wait until there is a task for each of these deliveries; returns all there are, in the order they came."""

        def look() -> list[Tapped]:
            return [message for message in self.messages if message.headers.get("delivery-id") in delivery_ids]

        return await eventually_here(look, until=lambda seen: len(seen) >= len(delivery_ids), within=within)

    async def events(self, text: bytes, *, within: float = 10.0) -> list[Tapped]:
        """Wait for events with this text in their body."""

        def look() -> list[Tapped]:
            return [
                message for message in self.messages if message.queue.startswith("events") and text in message.body
            ]

        return await eventually_here(look, within=within)


@asynccontextmanager
async def tapping(url: str, queues: Sequence[str]) -> AsyncIterator[Tap]:
    """Consume these queues."""
    tap = Tap()

    def consumer(queue: str) -> Consumer:
        async def keep(incoming: Incoming) -> None:
            headers = dict(incoming.headers)
            tap.messages.append(
                Tapped(queue=queue, routing_key=incoming.routing_key, headers=headers, body=incoming.body)
            )
            incoming.ack()

        return Consumer(url, queue, name=f"tap.{queue}", prefetch=100, topology=topology(), handler=keep)

    consumers = [consumer(queue) for queue in queues]
    running = [asyncio.create_task(each.run()) for each in consumers]
    try:
        yield tap
    finally:
        await asyncio.gather(*(each.stop() for each in consumers))
        await asyncio.gather(*running)
