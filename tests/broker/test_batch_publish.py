"""Many messages published at once: each is confirmed, or refused and told apart, whatever happens on the way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.broker import Publisher, Unroutable
from shared.broker.batch_publish import BATCH, BATCH_BYTES, batches, publish_batch
from shared.broker.browser import browse, queue_states
from shared.broker.opening import open_connection
from shared.broker.publisher import MAX_BATCHES
from shared.model.routing import Outgoing
from shared.model.topology import DEAD, dead_letter_queue, topology
from tests.broker.door import CONFIRM, Door

QUEUE = dead_letter_queue("webhook")
NOWHERE = Outgoing(exchange=DEAD, routing_key="nobody", body=b"nobody's")


@pytest.fixture
async def url(vhost_url: str) -> str:
    """A virtual host with the topology."""
    declaring = Publisher(vhost_url, name="tests", topology=topology())
    await declaring.connect()
    await declaring.aclose()
    return vhost_url


@pytest.fixture
async def publisher(url: str) -> AsyncIterator[Publisher]:
    """One that declares nothing, and so tells what is refused."""
    publisher = Publisher(url, name="tests", topology=None)
    yield publisher
    await publisher.aclose()


def numbered(count: int) -> list[Outgoing]:
    return [
        Outgoing(exchange=DEAD, routing_key="webhook", body=str(number).encode(), headers={"number": number})
        for number in range(count)
    ]


async def contents(url: str) -> list[tuple[bytes, object]]:
    async with browse(url, QUEUE, name="tests") as browser:
        return [(message.body, message.headers["number"]) async for message in browser.messages()]


async def test_all_messages_are_on_the_queue_with_their_headers(url: str, publisher: Publisher) -> None:
    count = 3 * BATCH + 7
    await publisher.publish_all(numbered(count))
    assert sorted(await contents(url), key=str) == sorted(
        ((str(number).encode(), number) for number in range(count)), key=str
    )


async def test_batches_and_single_messages_share_a_channel(url: str, publisher: Publisher) -> None:
    messages = numbered(2 * BATCH)
    await asyncio.gather(
        publisher.publish_all(messages[:BATCH]),
        *(publisher.publish(message) for message in messages[BATCH : BATCH + 10]),
        publisher.publish_all(messages[BATCH + 10 :]),
    )
    assert len(await contents(url)) == len(messages)


async def test_a_message_that_nobody_takes_is_told_apart_and_the_others_arrive_once(
    url: str, publisher: Publisher
) -> None:
    messages = numbered(10)
    with pytest.raises(Unroutable, match="nobody"):
        await publisher.publish_all([*messages[:5], NOWHERE, *messages[5:]])
    assert len(await contents(url)) == len(messages)
    await publisher.publish_all(messages)  # the channel counts on as the broker does
    assert len(await contents(url)) == 2 * len(messages)


async def test_bodies_larger_than_a_frame_come_whole(url: str, publisher: Publisher) -> None:
    bodies = [bytes([65 + number]) * 300_000 for number in range(3)] + [b""]
    messages = [replace(message, body=body) for message, body in zip(numbered(len(bodies)), bodies, strict=True)]
    await publisher.publish_all(messages)
    assert sorted(body for body, _ in await contents(url)) == sorted(bodies)


async def test_more_than_may_be_under_way_at_once_waits_its_turn(url: str, publisher: Publisher) -> None:
    count = (MAX_BATCHES + 3) * BATCH
    await publisher.publish_all(numbered(count))
    state = (await queue_states(url, [QUEUE], name="tests"))[QUEUE]
    assert state is not None
    assert state.messages == count


async def test_a_batch_whose_confirms_never_come_is_published_again_over_another_connection(url: str) -> None:
    async with Door(url) as door:
        publisher = Publisher(door.url, name="tests", topology=None, confirm_timeout=0.6)
        door.loses = CONFIRM
        await publisher.connect()
        door.loses = None
        await asyncio.wait_for(publisher.publish_all(numbered(5)), 20)
        assert door.knocks == 2
        await publisher.aclose()
    assert len(await contents(url)) == 10


@pytest.mark.parametrize("turns", [1, 2, 3, 4, 5])
async def test_a_batch_given_up_by_its_caller_leaves_the_channel_usable(
    url: str, publisher: Publisher, turns: int
) -> None:
    await publisher.connect()
    giving_up = asyncio.create_task(publisher.publish_all(numbered(5)))
    for _ in range(turns):
        await asyncio.sleep(0)
    giving_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await giving_up
    await asyncio.wait_for(publisher.publish_all(numbered(BATCH)), 20)
    assert len(await contents(url)) >= BATCH


async def test_what_is_not_confirmed_is_given_back(url: str) -> None:
    link = await open_connection(url, name="tests", confirms=True, topology=None)
    messages = numbered(3)
    assert await publish_batch(link, [messages[0], NOWHERE, *messages[1:]]) == [NOWHERE]
    await link.close()
    assert await publish_batch(link, messages) == messages
    assert len(await contents(url)) == len(messages)


def test_batches_are_bounded_in_number_and_in_bytes() -> None:
    small = numbered(2 * BATCH + 1)
    assert [len(batch) for batch in batches(small)] == [BATCH, BATCH, 1]
    half = replace(small[0], body=b"x" * (BATCH_BYTES // 2))
    assert [len(batch) for batch in batches([half] * 5)] == [2, 2, 1]
    large = replace(small[0], body=b"x" * (BATCH_BYTES + 1))
    assert [len(batch) for batch in batches([small[0], large, small[1]])] == [1, 1, 1]
    assert list(batches([])) == []
