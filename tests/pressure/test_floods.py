"""A tenant that publishes far more than the dispatcher can do does not keep the others waiting, and loses nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from deploy.local.stack import Stack
from services.dispatcher.batch import MAX_DELIVERIES
from tests.support.system import System, certificate, new_tenant, running_system
from tests.support.waiting import eventually

FLOOD = 3000
FAN_OUT = 2
MANY = 100


@pytest.fixture
async def system(stack: Stack) -> AsyncIterator[System]:
    """A system whose dispatcher has not been started yet."""
    async with running_system(stack, services=("api",)) as running:
        yield running


async def let_wait(system: System, *, webhooks: int, events: int, others: int) -> tuple[str, str]:
    """Let a tenant's events wait, each for so many webhooks, and behind them others'; returns both tenants."""
    large, modest = new_tenant(), new_tenant()
    for number in range(webhooks):
        await system.client(large).create_webhook(f"http://127.0.0.1:9/{number}", "certificate.*")
    await system.client(modest).create_webhook("http://127.0.0.1:9/", "certificate.*")
    for tenant, count in ((large, events), (modest, others)):
        envelopes = [certificate(tenant) for _ in range(count)]
        await asyncio.gather(*map(system.publish, envelopes))
    return large, modest


async def test_events_behind_a_flood_of_another_tenant_are_dispatched_before_most_of_it(system: System) -> None:
    flooding, modest = await let_wait(system, webhooks=FAN_OUT, events=FLOOD, others=10)
    await system.services.start("dispatcher")

    async def dispatched(tenant: str) -> int:
        return await system.database.events.count_documents({"tenant_id": tenant})

    await eventually(lambda: dispatched(modest), until=lambda count: count == 10, within=60)
    [last] = await system.database.events.find({"tenant_id": modest}).sort("dispatched_at", -1).limit(1).to_list()
    before = {"tenant_id": flooding, "dispatched_at": {"$lt": last["dispatched_at"]}}
    assert await system.database.events.count_documents(before) < FLOOD / 2

    await eventually(lambda: dispatched(flooding), until=lambda count: count == FLOOD, within=120)
    assert await system.database.deliveries.count_documents({"tenant_id": flooding}) == FLOOD * FAN_OUT


async def test_a_tenant_with_many_webhooks_holds_up_nobody_and_is_dispatched_in_bounded_batches(
    system: System,
) -> None:
    wide, modest = await let_wait(system, webhooks=MANY, events=MANY, others=1)
    await system.services.start("dispatcher")

    async def dispatched() -> int:
        return await system.database.events.count_documents({})

    await eventually(dispatched, until=lambda count: count == MANY + 1, within=120)
    assert await system.database.deliveries.count_documents({"tenant_id": wide}) == MANY * MANY
    events = await system.database.events.find({}).to_list()
    [other] = [found["dispatched_at"] for found in events if found["tenant_id"] == modest]
    assert sum(found["dispatched_at"] < other for found in events) < MANY / 2
    batches: Counter[datetime] = Counter()
    for found in events:
        batches[found["dispatched_at"]] += found["matched"]
    assert max(batches.values()) < 2 * MAX_DELIVERIES
