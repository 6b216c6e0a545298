"""A broker that stops answering holds nobody: every publish, question, ack and close ends, and goes on elsewhere.

The way to the broker is held still in the middle of things (what a frozen node or a network that drops packets looks
like), while another way stays open, as a cluster's other node does.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

import signalpost.amqp.connection as connection_module
import signalpost.amqp.opening as opening_module
from deploy.local.stack import Stack
from shared.broker import BrokerUnavailable, Consumer, Incoming, Publisher
from shared.broker.browser import queue_states
from shared.broker.opening import open_connection
from shared.model.routing import Outgoing
from shared.model.topology import DEAD, EVENTS_TO_DISPATCH, dead_letter_queue, topology
from signalpost.amqp.connection import AmqpConnection
from signalpost.amqp.faults import ConnectionLost
from tests.broker.door import CHANNEL_CLOSED, DECLARED, Door
from tests.broker.leftovers import broker_tasks
from tests.support.waiting import eventually_here

QUEUE = dead_letter_queue("webhook")
SMALL, LARGE = b"{}", b"x" * 100_000
PATIENCE = 60
"""Seconds for what takes about two; far below what a wait without an end takes."""


@pytest.fixture(autouse=True)
def short_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds are the same, only shorter."""
    monkeypatch.setattr(connection_module, "ANSWER_TIMEOUT", 1.0)
    monkeypatch.setattr(opening_module, "CONNECT_TIMEOUT", 1.0)
    monkeypatch.setattr(connection_module, "CLOSE_TIMEOUT", 0.3)


@pytest.fixture
async def doors(vhost_url: str) -> AsyncIterator[tuple[Door, Door]]:
    """Two ways to one broker whose topology is declared."""
    declaring = Publisher(vhost_url, name="tests", topology=topology())
    await declaring.connect()
    await declaring.aclose()
    async with Door(vhost_url) as first, Door(vhost_url) as second:
        yield first, second


def both(doors: tuple[Door, Door]) -> str:
    """A URL that names both, as that of a cluster does."""
    return ",".join(door.url for door in doors)


def letter(body: bytes) -> Outgoing:
    return Outgoing(exchange=DEAD, routing_key="webhook", body=body)


async def entered(doors: tuple[Door, Door]) -> tuple[Door, Door]:
    """The door with somebody inside, then the other."""
    await eventually_here(lambda: doors[0].inside + doors[1].inside)
    return doors if doors[0].inside else (doors[1], doors[0])


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
async def test_what_waits_on_a_frozen_broker_is_published_over_another_way(
    doors: tuple[Door, Door], body: bytes
) -> None:
    publisher = Publisher(both(doors), name="tests", topology=None, confirm_timeout=1.2)
    await publisher.connect()
    frozen, other = await entered(doors)
    frozen.freeze()
    publishing = [asyncio.create_task(publisher.publish(letter(body))) for _ in range(200)]
    publishing += [asyncio.create_task(publisher.publish_all([letter(body)] * 40)) for _ in range(5)]
    publishing += [asyncio.create_task(_count(publisher))]
    await asyncio.wait_for(asyncio.gather(*publishing), PATIENCE)
    assert other.inside == 1
    await asyncio.wait_for(publisher.aclose(), PATIENCE)
    states = await queue_states(other.url, [QUEUE], name="tests")
    state = states[QUEUE]
    assert state is not None
    assert state.messages >= 400


async def _count(publisher: Publisher) -> None:
    with pytest.raises(BrokerUnavailable):
        await publisher.message_count(QUEUE)


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
async def test_closing_ends_although_the_broker_is_frozen_under_what_is_in_flight(
    doors: tuple[Door, Door], body: bytes
) -> None:
    door, _ = doors
    connection = await open_connection(door.url, name="tests", confirms=True, topology=None)
    door.freeze()
    waits = [asyncio.create_task(_publish(connection, body)) for _ in range(200)]
    await asyncio.sleep(0)
    await asyncio.wait_for(connection.close(), PATIENCE)
    outcomes = await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), PATIENCE)
    assert {type(outcome) for outcome in outcomes} == {ConnectionLost}
    with pytest.raises(ConnectionLost):
        await _publish(connection, body)


async def _publish(connection: AmqpConnection, body: bytes) -> None:
    async with connection.waiting():
        await connection.channel.basic_publish(body, exchange=DEAD, routing_key="webhook", mandatory=True, wait=False)


async def test_who_publishes_while_a_connection_closes_is_released(doors: tuple[Door, Door]) -> None:
    """The library's writer is gone by then: one would wait at its full queue, and all others for that one's lock."""
    door, _ = doors
    door.loses = CHANNEL_CLOSED
    publisher = Publisher(door.url, name="tests", topology=None)
    await publisher.connect()
    door.loses = None
    connection = publisher._connection  # the moment can't be met from outside
    assert connection is not None
    closing = asyncio.create_task(connection.close())
    publishing: list[asyncio.Task[None]] = []
    while not closing.done():
        publishing += [asyncio.create_task(publisher.publish(letter(SMALL))) for _ in range(50)]
        await asyncio.sleep(0.02)
    await asyncio.wait_for(asyncio.gather(*publishing), PATIENCE)
    await publisher.aclose()


async def test_a_frozen_broker_is_not_ready_until_another_way_is_open(doors: tuple[Door, Door]) -> None:
    publisher = Publisher(both(doors), name="tests", topology=None, confirm_timeout=30)
    await publisher.connect()
    frozen, _ = await entered(doors)
    frozen.freeze()
    publishing = asyncio.create_task(publisher.publish(letter(SMALL)))
    await eventually_here(lambda: not publisher.is_ready, within=PATIENCE)
    assert not publishing.done()
    frozen.thaw()
    await asyncio.wait_for(publishing, PATIENCE)
    await eventually_here(lambda: publisher.is_ready)
    await publisher.aclose()


async def test_opening_ends_at_each_node_that_takes_a_connection_and_says_nothing(doors: tuple[Door, Door]) -> None:
    for door in doors:
        door.freeze()
    with pytest.raises(BrokerUnavailable, match="no answer within"):
        await asyncio.wait_for(open_connection(both(doors), name="tests", confirms=True, topology=None), PATIENCE)


async def test_declaring_ends_when_the_broker_stops_answering(doors: tuple[Door, Door]) -> None:
    door, _ = doors
    door.loses = DECLARED
    opening = open_connection(door.url, name="tests", confirms=True, topology=topology())
    with pytest.raises(BrokerUnavailable, match="does not answer"):
        await asyncio.wait_for(opening, PATIENCE)


async def test_a_consumer_stops_within_its_bounds_although_the_broker_is_frozen(doors: tuple[Door, Door]) -> None:
    door, other = doors
    publisher = Publisher(other.url, name="tests", topology=None)
    await publisher.publish_all([letter(SMALL)] * 300)
    taken: list[Incoming] = []

    async def take(incoming: Incoming) -> None:
        taken.append(incoming)

    consumer = Consumer(door.url, QUEUE, name="tests", prefetch=300, topology=topology(), handler=take)
    running = asyncio.create_task(consumer.run())
    await eventually_here(lambda: len(taken) == 300)
    door.freeze()
    for incoming in taken:
        incoming.ack()
    await asyncio.wait_for(consumer.stop(), PATIENCE)
    await asyncio.wait_for(running, PATIENCE)
    await publisher.aclose()


async def test_nothing_of_a_connection_that_was_given_up_is_left(doors: tuple[Door, Door]) -> None:
    door, _ = doors
    before = broker_tasks()
    connection = await open_connection(door.url, name="tests", confirms=True, topology=None)
    door.freeze()
    waits = [asyncio.create_task(_publish(connection, LARGE)) for _ in range(200)]
    await asyncio.sleep(0)
    connection.give_up("a test")
    await asyncio.gather(*waits, return_exceptions=True)
    door.thaw()
    await eventually_here(lambda: broker_tasks() - before, until=lambda left: not left, within=PATIENCE)
    assert not connection.is_open


async def test_a_broker_that_is_killed_and_started_again_gets_everything(stack: Stack, vhost_url: str) -> None:
    assert stack.rabbitmq is not None
    publisher = Publisher(vhost_url, name="tests", topology=topology(), confirm_timeout=1.2)
    await publisher.connect()
    await stack.rabbitmq.pause()
    publishing = [asyncio.create_task(publisher.publish(letter(LARGE))) for _ in range(200)]
    publishing += [asyncio.create_task(publisher.publish_all([letter(SMALL)] * 200))]
    await eventually_here(lambda: not publisher.is_ready, within=PATIENCE)
    await stack.rabbitmq.kill()
    await stack.rabbitmq.start()
    await asyncio.wait_for(asyncio.gather(*publishing), 2 * PATIENCE)
    assert await publisher.message_count(QUEUE) >= 400
    assert await publisher.message_count(EVENTS_TO_DISPATCH) == 0
    await publisher.aclose()
