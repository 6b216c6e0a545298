"""A system whose every count is known: nobody else publishes to it."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Stack
from tests.support.system import System, running_system


@pytest.fixture(scope="package")
async def counted(stack: Stack) -> AsyncIterator[System]:
    """All services, with a reconciler that looks every quarter of a second."""
    async with running_system(stack, NOTIFICATION_RECONCILE_AFTER="1s", NOTIFICATION_RETRY_SCHEDULE="1s") as running:
        yield running
