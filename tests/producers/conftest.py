"""A broker that these tests may restart and freeze, and a virtual host of it for each test."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local.rabbitmq import RabbitMQ
from tests.producers.virtual_host import VirtualHost, own_node


@pytest.fixture(scope="session")
async def broker() -> AsyncIterator[RabbitMQ]:
    """A RabbitMQ node that no other test uses."""
    async with own_node("producers") as node:
        yield node


@pytest.fixture
async def empty_vhost(broker: RabbitMQ) -> AsyncIterator[VirtualHost]:
    """A virtual host where nothing is declared."""
    name = f"producers-{uuid4().hex[:8]}"
    await broker.create_vhost(name)
    yield VirtualHost(broker, name)
    await broker.delete_vhost(name)


@pytest.fixture
async def vhost(empty_vhost: VirtualHost) -> VirtualHost:
    """A virtual host with the topology."""
    await empty_vhost.declare()
    return empty_vhost
