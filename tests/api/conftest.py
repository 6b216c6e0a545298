"""The API alone, without consumers: deliveries are as the tests write them, and stay so."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from deploy.local.stack import Stack
from shared.model.topology import CHANNELS, EVENTS_TO_DISPATCH, to_send_queue
from tests.api.records import Records
from tests.api.tap import Tap, tapping
from tests.support.system import Client, System, running_system


@pytest.fixture(scope="session")
async def api(stack: Stack) -> AsyncIterator[System]:
    """A running API."""
    async with running_system(stack, services=("api",)) as running:
        yield running


@pytest.fixture(scope="session")
async def tap(api: System) -> AsyncIterator[Tap]:
    """What the API publishes."""
    queues = (EVENTS_TO_DISPATCH, *(to_send_queue(channel) for channel in CHANNELS))
    async with tapping(api.environment["AMQP_URL"], queues) as running:
        yield running


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Requests as bytes, for what a well-behaved client would not send."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def client(api: System, tenant: str) -> Client:
    """The API as the test's own tenant sees it."""
    return api.client(tenant)


@pytest.fixture
def records(api: System, tenant: str) -> Records:
    """Writes documents as the workers do."""
    return Records(api.database, tenant)
