"""What a producer was told is safe outlives a restart of the broker.

On a node of its own: RabbitMQ 3.10.8, restarted soon after virtual hosts with quorum queues were deleted, was seen
once to answer every declaration from then on with INTERNAL_ERROR.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from deploy.local.rabbitmq import RabbitMQ
from signalpost import events
from signalpost.producer import EventPublisher
from tests.producers.virtual_host import VirtualHost, own_node


@pytest.fixture
async def broker() -> AsyncIterator[RabbitMQ]:
    """A RabbitMQ node for this test alone."""
    async with own_node("restart") as node:
        yield node


async def test_every_confirmed_event_outlives_a_restart_of_the_broker(vhost: VirtualHost) -> None:
    await vhost.broker.settle()
    confirmed: list[str] = []
    restarted = asyncio.Event()

    async def produce(publisher: EventPublisher) -> None:
        after = 0
        while after < 5:
            after += restarted.is_set()
            event = events.CertificateIssued(tenant="org_1", certificate_id="cert_42")
            confirmed.append((await publisher.publish(event, timeout=120)).source_id)

    async with EventPublisher(vhost.url, source="/wipe/backend", name="tests") as publisher:
        producers = [asyncio.create_task(produce(publisher)) for _ in range(3)]
        await vhost.broker.restart()
        restarted.set()
        await asyncio.gather(*producers)
    assert set(confirmed) <= set(await vhost.take_ids())
