"""Looking into a queue changes nothing in it; what is removed is gone, and only that."""

from collections.abc import AsyncIterator

import pytest

from shared.broker import BrokerRefused, Publisher
from shared.broker.browser import WINDOW, browse, peek, queue_states
from shared.model.routing import Outgoing
from shared.model.topology import DEAD, dead_letter_queue, topology

QUEUE = dead_letter_queue("webhook")
MANY = 3 * WINDOW + 7


@pytest.fixture
async def publisher(vhost_url: str) -> AsyncIterator[Publisher]:
    """Connected; the topology is declared."""
    publisher = Publisher(vhost_url, name="tests", topology=topology())
    await publisher.connect()
    yield publisher
    await publisher.aclose()


async def park(publisher: Publisher, *numbers: int) -> None:
    for number in numbers:
        await publisher.publish(Outgoing(exchange=DEAD, routing_key="webhook", body=str(number).encode()))


async def contents(url: str) -> list[int]:
    async with browse(url, QUEUE, name="tests") as browser:
        return [int(message.body) async for message in browser.messages()]


async def test_looking_takes_nothing_out_and_keeps_the_order(vhost_url: str, publisher: Publisher) -> None:
    await park(publisher, *range(MANY))
    for _ in range(3):
        assert await contents(vhost_url) == list(range(MANY))


async def test_only_what_is_removed_is_gone(vhost_url: str, publisher: Publisher) -> None:
    await park(publisher, *range(MANY))
    async with browse(vhost_url, QUEUE, name="tests") as browser:
        async for message in browser.messages():
            if int(message.body) % 3:
                await browser.remove(message)
    assert await contents(vhost_url) == list(range(0, MANY, 3))


async def test_what_comes_while_one_looks_is_left_for_the_next_time(vhost_url: str, publisher: Publisher) -> None:
    await park(publisher, 1, 2)
    async with browse(vhost_url, QUEUE, name="tests") as browser:
        async for message in browser.messages():
            await park(publisher, int(message.body) + 2)
            await browser.remove(message)
    assert await contents(vhost_url) == [3, 4]


async def test_the_end_is_found_although_another_operator_took_the_rest(vhost_url: str, publisher: Publisher) -> None:
    await park(publisher, 1, 2)
    async with browse(vhost_url, QUEUE, name="tests") as late:
        async with browse(vhost_url, QUEUE, name="tests") as early:
            async for message in early.messages():
                await early.remove(message)
        assert [message async for message in late.messages()] == []


async def test_a_glance_at_the_head_changes_nothing(vhost_url: str, publisher: Publisher) -> None:
    assert await peek(vhost_url, QUEUE, name="tests") is None
    await park(publisher, 1, 2)
    head = await peek(vhost_url, QUEUE, name="tests")
    assert head is not None
    assert head.body == b"1"
    assert await contents(vhost_url) == [1, 2]


async def test_a_queue_that_is_missing_is_said_to_be_missing(vhost_url: str, publisher: Publisher) -> None:
    await park(publisher, 1)
    states = await queue_states(vhost_url, ["nobody", QUEUE, "nothing"], name="tests")
    assert states["nobody"] is states["nothing"] is None
    found = states[QUEUE]
    assert found is not None
    assert (found.messages, found.consumers) == (1, 0)
    with pytest.raises(BrokerRefused, match="nobody"):
        async with browse(vhost_url, "nobody", name="tests"):
            pass
