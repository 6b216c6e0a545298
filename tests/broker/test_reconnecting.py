"""Publisher and consumer, while the way to the broker opens and shuts."""

import asyncio
from collections.abc import AsyncIterator

import pytest

import signalpost.amqp.connection as connection_module
from deploy.local.stack import Stack
from shared.broker import BrokerUnavailable, Consumer, Incoming, Publisher
from shared.model.routing import Outgoing
from shared.model.topology import DELAY_HEADER, EVENTS_TO_DISPATCH, RETRY, Topology, topology
from tests.broker.door import CONFIRM, DECLARED, Door
from tests.support.waiting import eventually_here

NOBODYS = Outgoing(exchange=RETRY, routing_key="tests", body=b"{}", headers={DELAY_HEADER: "1s"})
"""Goes to a delay queue, and from there to nobody."""


@pytest.fixture
async def door(stack: Stack) -> AsyncIterator[Door]:
    async with Door(stack.environment()["AMQP_URL"]) as way:
        yield way


@pytest.fixture
async def publisher(door: Door) -> AsyncIterator[Publisher]:
    publisher = Publisher(door.url, name="tests", topology=topology())
    yield publisher
    await publisher.aclose()


async def test_a_publish_that_meets_somebodys_failing_try_to_connect_waits_on(
    door: Door, publisher: Publisher
) -> None:
    door.is_open = False
    connecting = asyncio.create_task(publisher.connect())
    await asyncio.sleep(0)
    publishing = asyncio.create_task(publisher.publish(NOBODYS))
    with pytest.raises(BrokerUnavailable):
        await connecting
    door.is_open = True
    await asyncio.wait_for(publishing, 20)


async def test_a_connection_is_kept_although_all_who_waited_for_it_gave_up(door: Door, publisher: Publisher) -> None:
    door.is_open = False
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(publisher.publish(NOBODYS), 0.1)
    door.is_open = True

    await eventually_here(lambda: publisher.is_ready)
    await publisher.publish(NOBODYS)
    assert door.inside == 1


async def test_messages_whose_confirms_never_come_are_published_again_over_another_connection(door: Door) -> None:
    publisher = Publisher(door.url, name="tests", topology=topology(), confirm_timeout=0.6)
    door.loses = CONFIRM
    await publisher.connect()
    door.loses = None
    await asyncio.wait_for(asyncio.gather(*(publisher.publish(NOBODYS) for _ in range(3))), 20)
    assert door.knocks == 2
    await publisher.aclose()


async def test_a_question_that_is_never_answered_holds_up_no_publishing(
    stack: Stack, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "ANSWER_TIMEOUT", 0.2)
    undeclared = Publisher(door.url, name="tests", topology=None)
    door.loses = DECLARED
    await undeclared.connect()
    door.loses = None
    asking = asyncio.create_task(undeclared.message_count(EVENTS_TO_DISPATCH))
    await asyncio.sleep(0)
    publishing = asyncio.create_task(undeclared.publish(NOBODYS))
    with pytest.raises(BrokerUnavailable):
        await asking
    await asyncio.wait_for(publishing, 20)
    await undeclared.aclose()


async def test_a_consumer_that_is_refused_leaves_no_connections_behind(door: Door) -> None:
    async def never(incoming: Incoming) -> None:
        raise AssertionError

    nothing = Topology(exchanges=(), queues=(), bindings=())
    consumer = Consumer(door.url, "no.such.queue", name="tests", prefetch=1, topology=nothing, handler=never)
    running = asyncio.create_task(consumer.run())

    await eventually_here(lambda: door.knocks, until=lambda knocks: knocks >= 4)
    assert door.inside <= 1
    await consumer.stop()
    await running
