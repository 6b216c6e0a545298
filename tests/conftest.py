"""The servers and the system that all tests share; each test brings its own tenant."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from hypothesis import settings

from deploy.local.stack import Stack
from shared.storage import Database
from tests.support.receiver import Receiver, receiving
from tests.support.system import System, new_tenant, running_system

settings.register_profile("signalpost", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("signalpost")


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """RabbitMQ, MongoDB and an SMTP inbox, for the whole run."""
    async with Stack("test") as servers:
        yield servers


@pytest.fixture(scope="session")
async def system(stack: Stack) -> AsyncIterator[System]:
    """All services with the default settings."""
    async with running_system(stack) as running:
        yield running


@pytest.fixture
async def vhost_url(stack: Stack) -> AsyncIterator[str]:
    """A virtual host of this test alone, with nothing in it."""
    if stack.rabbitmq is None:
        pytest.skip("needs a virtual host of its own: unset AMQP_URL")
    name = f"test-{uuid4().hex[:12]}"
    yield await stack.rabbitmq.create_vhost(name)
    await stack.rabbitmq.delete_vhost(name)


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A database of this test alone."""
    database = Database(stack.environment()["MONGODB_URL"], f"test-{uuid4().hex[:12]}", app="tests")
    yield database
    await database.aclose()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver of webhooks."""
    async with receiving() as listening:
        yield listening


@pytest.fixture
def tenant() -> str:
    """A tenant of this test alone."""
    return new_tenant()
