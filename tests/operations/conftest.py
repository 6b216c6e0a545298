"""What the operator's tools are tried on: a system of their own, because dead letters have no tenant in a queue."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.operations.command import Worker
from tests.support.system import System, running_system


@pytest.fixture(scope="package")
async def operated(stack: Stack) -> AsyncIterator[System]:
    """All services, and dead letters that only these tests make."""
    async with running_system(
        stack, NOTIFICATION_AUTO_DISABLE_AFTER="1000", NOTIFICATION_RECONCILE_AFTER="2s"
    ) as running:
        yield running


@pytest.fixture
def worker(operated: System, tmp_path: Path) -> Worker:
    """The command line beside that system."""
    return Worker(operated.environment, tmp_path)
