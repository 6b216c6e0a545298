"""A system whose every count is known: nobody else publishes to it."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Stack
from tests.support.system import System, running_system
from tests.telemetry.collector import Collector, collecting


@pytest.fixture(scope="package")
async def counted(stack: Stack) -> AsyncIterator[System]:
    """All services, with a reconciler that looks every quarter of a second."""
    async with running_system(
        stack, NOTIFICATION_RECONCILE_AFTER="1s", NOTIFICATION_RETRY_SCHEDULE="1500ms"
    ) as running:
        yield running


@pytest.fixture(scope="package")
async def collector() -> AsyncIterator[Collector]:
    """What takes the traces of the traced system."""
    async with collecting() as listening:
        yield listening


@pytest.fixture(scope="package")
async def traced(stack: Stack, collector: Collector) -> AsyncIterator[System]:
    """All services, with tracing on."""
    async with running_system(
        stack,
        NOTIFICATION_RETRY_SCHEDULE="1s",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
        OTEL_BSP_SCHEDULE_DELAY="100",
    ) as running:
        yield running
