"""Acks travel in groups: each settles what it is for and nothing else, in whatever order the work was done."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from shared.broker import Consumer, Incoming, Publisher
from shared.model.routing import Outgoing
from shared.model.topology import to_send_queue, topology
from tests.support.waiting import eventually_here

QUEUE = to_send_queue("webhook")
BODIES = [str(number) for number in range(10)]


@pytest.fixture
async def url(vhost_url: str) -> str:
    """A virtual host with ten messages on a queue that nobody consumes."""
    publisher = Publisher(vhost_url, name="tests", topology=topology())
    for body in BODIES:
        await publisher.publish(Outgoing(exchange="", routing_key=QUEUE, body=body.encode()))
    await publisher.aclose()
    return vhost_url


@asynccontextmanager
async def consuming(url: str, *, prefetch: int = 500) -> AsyncIterator[list[Incoming]]:
    """Take messages, and settle none, until the end of the block; yields those that came."""
    taken: list[Incoming] = []

    async def keep(incoming: Incoming) -> None:
        taken.append(incoming)

    consumer = Consumer(url, QUEUE, name=uuid4().hex, prefetch=prefetch, topology=topology(), handler=keep)
    running = asyncio.create_task(consumer.run())
    try:
        yield taken
    finally:
        await consumer.stop()
        await running


async def take(url: str, count: int, *, settling: Sequence[str] = ()) -> dict[str, bool]:
    """Take so many messages and settle some of them, in this order; returns the bodies, and whether redelivered."""
    async with consuming(url) as taken:
        await eventually_here(lambda: len(taken), until=lambda seen: seen == count)
        messages = {message.body.decode(): message for message in taken}
        for body in settling:
            messages[body].ack()
    return {body: message.redelivered for body, message in messages.items()}


@pytest.mark.parametrize(
    "settling",
    [BODIES[:4], ["2", "0", "1"], ["9"], ["5", "1", "3"], ["0", "4", "1", "9"], BODIES[:9]],
    ids="".join,
)
async def test_what_is_not_settled_comes_again_and_nothing_else(url: str, settling: list[str]) -> None:
    await take(url, len(BODIES), settling=settling)
    left = {body: True for body in BODIES if body not in settling}
    assert await take(url, len(left)) == left


async def test_groups_of_one_channel_add_up(url: str) -> None:
    async with consuming(url, prefetch=3) as taken:
        for settled in range(0, 9, 3):  # the next three come only when the three before are really acked
            await eventually_here(lambda: len(taken), until=(settled + 3).__eq__)
            for incoming in reversed(taken[settled:]):
                incoming.ack()
        await eventually_here(lambda: len(taken), until=lambda seen: seen == len(BODIES))
    assert await take(url, 1) == {"9": True}


async def test_a_group_never_overtakes_the_one_before_it_however_slowly_that_goes_out(url: str) -> None:
    """A message acked twice would close the channel, and all that is being worked on would be handed out again."""
    publisher = Publisher(url, name="tests", topology=topology())
    more = Outgoing(exchange="", routing_key=QUEUE, body=b"more")
    await asyncio.gather(*(publisher.publish(more) for _ in range(450)))
    await publisher.aclose()
    with capture_logs() as logs:
        async with consuming(url) as held:
            await eventually_here(lambda: len(held), until=lambda seen: seen == 460)
            for incoming in held[1:400]:
                incoming.ack()
            busy = asyncio.create_task(_keep_the_loop_busy())
            await asyncio.sleep(0.012)  # the group above is on its way by now
            for incoming in (held[0], *held[400:]):
                incoming.ack()
            await busy
    assert [line["event"] for line in logs if line["log_level"] != "debug"] == ["broker.consuming"]


async def _keep_the_loop_busy() -> None:
    for _ in range(60):
        time.sleep(0.01)  # noqa: ASYNC251 - that is the point
        await asyncio.sleep(0)
