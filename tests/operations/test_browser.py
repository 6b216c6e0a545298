"""Looking into a queue changes nothing in it; what is removed is gone, and only that."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from shared.broker import BrokerRefused, Outgoing, Publisher
from shared.broker.browser import WINDOW, browse, peek, queue_states
from shared.topology import DEAD, dead_letter_queue, topology

QUEUE = dead_letter_queue("webhook")
MANY = 3 * WINDOW + 7


@pytest.fixture
async def url(stack: Stack) -> AsyncIterator[str]:
    """A virtual host with the topology."""
    assert stack.rabbitmq is not None
    name = f"browser-{uuid4().hex[:8]}"
    url = await stack.rabbitmq.create_vhost(name)
    yield url
    await stack.rabbitmq.delete_vhost(name)


@pytest.fixture
async def publisher(url: str) -> AsyncIterator[Publisher]:
    publisher = Publisher(url, name="tests", topology=topology())
    await publisher.connect()
    yield publisher
    await publisher.aclose()


async def park(publisher: Publisher, *numbers: int) -> None:
    for number in numbers:
        await publisher.publish(Outgoing(exchange=DEAD, routing_key="webhook", body=str(number).encode()))


async def contents(url: str) -> list[int]:
    async with browse(url, QUEUE, name="tests") as browser:
        return [int(message.body) async for message in browser.messages()]


async def test_looking_takes_nothing_out_and_keeps_the_order(url: str, publisher: Publisher) -> None:
    await park(publisher, *range(MANY))
    for _ in range(3):
        assert await contents(url) == list(range(MANY))


async def test_only_what_is_removed_is_gone(url: str, publisher: Publisher) -> None:
    await park(publisher, *range(MANY))
    async with browse(url, QUEUE, name="tests") as browser:
        async for message in browser.messages():
            if int(message.body) % 3:
                await browser.remove(message)
    assert await contents(url) == list(range(0, MANY, 3))


async def test_what_comes_while_one_looks_is_left_for_the_next_time(url: str, publisher: Publisher) -> None:
    await park(publisher, 1, 2)
    async with browse(url, QUEUE, name="tests") as browser:
        async for message in browser.messages():
            await park(publisher, int(message.body) + 2)
            await browser.remove(message)
    assert await contents(url) == [3, 4]


async def test_the_end_is_found_although_another_operator_took_the_rest(url: str, publisher: Publisher) -> None:
    await park(publisher, 1, 2)
    async with browse(url, QUEUE, name="tests") as late:
        async with browse(url, QUEUE, name="tests") as early:
            async for message in early.messages():
                await early.remove(message)
        assert [message async for message in late.messages()] == []


async def test_a_glance_at_the_head_changes_nothing(url: str, publisher: Publisher) -> None:
    assert await peek(url, QUEUE, name="tests") is None
    await park(publisher, 1, 2)
    head = await peek(url, QUEUE, name="tests")
    assert head is not None
    assert head.body == b"1"
    assert await contents(url) == [1, 2]


async def test_a_queue_that_is_missing_is_said_to_be_missing(url: str, publisher: Publisher) -> None:
    await park(publisher, 1)
    states = await queue_states(url, ["nobody", QUEUE, "nothing"], name="tests")
    assert states["nobody"] is states["nothing"] is None
    found = states[QUEUE]
    assert found is not None
    assert (found.messages, found.consumers) == (1, 0)
    with pytest.raises(BrokerRefused, match="nobody"):
        async with browse(url, "nobody", name="tests"):
            pass
