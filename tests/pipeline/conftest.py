"""A second system beside the default one: short waits between attempts, and two processes of each consumer."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Stack
from tests.support.system import System, running_system

QUICK = {
    "NOTIFICATION_RETRY_SCHEDULE": "100ms,200ms,300ms",
    "NOTIFICATION_RETRY_4XX": "425,429",
    "NOTIFICATION_HTTP_TIMEOUT": "2s",
}


@pytest.fixture(scope="session")
async def quick(stack: Stack) -> AsyncIterator[System]:
    """Retries after 100, 200 and 300 ms; whoever does not answer within 2 s has failed; 425 and 429 are retried."""
    services = ("api", "dispatcher", "dispatcher", "webhook", "webhook")
    async with running_system(stack, services=services, **QUICK) as running:
        yield running
