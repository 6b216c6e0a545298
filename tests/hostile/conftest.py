"""The API with limits so short that a test need not wait, beside a neighbour who only wants to be answered."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Stack
from tests.support.system import System, running_system

LIMITS = {
    "LIMITS_CONNECTIONS": "300",
    "LIMITS_CONNECTIONS_PER_CLIENT": "100",
    "LIMITS_HEADER_TIME": "1s",
    "LIMITS_BODY_TIME": "1s",
    "LIMITS_IDLE_TIME": "2s",
    "LIMITS_ANSWER_TIME": "1s",
}


@pytest.fixture(scope="session")
async def api(stack: Stack) -> AsyncIterator[System]:
    """A running API."""
    async with running_system(stack, services=("api",), **LIMITS) as running:
        yield running
