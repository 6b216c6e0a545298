"""A broker that stops at any point of the conversation, in any way, delays what is under way and holds nothing up.

Each case has a second node that answers everything. What is published must be confirmed by it in the end, a consumer
must come to consume there, and closing must end.
"""

import asyncio
from types import SimpleNamespace

import pytest

from shared.broker import Consumer, Incoming, Publisher
from shared.model.routing import Outgoing
from shared.model.topology import Exchange, Queue, Topology
from signalpost.amqp import connection, opening
from tests.broker.leftovers import broker_tasks
from tests.broker.scripted import End, ScriptedBroker
from tests.support.waiting import eventually_here

TOPOLOGY = Topology(exchanges=(Exchange("tests", "direct"),), queues=(Queue("tests", {}),), bindings=())
PATIENCE = 30


@pytest.fixture(autouse=True)
def short_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds are the same, only shorter."""
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT", 0.2)
    monkeypatch.setattr(connection, "CLOSE_TIMEOUT", 0.1)
    monkeypatch.setattr(opening, "CONNECT_TIMEOUT", 0.2)
    first_named_first = SimpleNamespace(sample=lambda nodes, _: list(nodes))
    monkeypatch.setattr(opening, "random", first_named_first)


async def publishing(url: str) -> None:
    publisher = Publisher(url, name="tests", topology=TOPOLOGY, confirm_timeout=0.3)
    message = Outgoing(exchange="tests", routing_key="tests", body=b"{}")
    await asyncio.wait_for(
        asyncio.gather(*(publisher.publish(message) for _ in range(5)), publisher.publish_all([message] * 5)),
        PATIENCE,
    )
    await asyncio.wait_for(publisher.aclose(), PATIENCE)


async def consuming(url: str) -> None:
    async def never(_: Incoming) -> None:
        raise AssertionError

    consumer = Consumer(url, "tests", name="tests", prefetch=1, topology=TOPOLOGY, handler=never)
    running = asyncio.create_task(consumer.run())
    await eventually_here(lambda: consumer.is_ready, within=PATIENCE)
    await asyncio.wait_for(consumer.stop(), PATIENCE)
    await asyncio.wait_for(running, PATIENCE)


SCENES = {"publishing": publishing, "consuming": consuming}


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("end", End)
async def test_every_wait_ends_wherever_the_broker_stops(scene: str, end: End) -> None:
    before = broker_tasks()
    async with ScriptedBroker(None, end) as whole:
        await SCENES[scene](whole.url)
        points = whole.answered
    assert points >= 8
    for steps in range(points):
        async with ScriptedBroker(steps, end) as stopping, ScriptedBroker(None, end) as other:
            await SCENES[scene](f"{stopping.url},{other.url}")
    await eventually_here(lambda: broker_tasks() - before, until=lambda left: not left, within=PATIENCE)
