"""A tenant that publishes far more than the dispatcher can do does not keep the others waiting, and loses nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import pytest
from pymongo import AsyncMongoClient

from deploy.local.mongodb import MongoDB
from deploy.local.stack import Stack
from services.dispatcher.batch import MAX_DELIVERIES
from shared.broker.browser import queue_states
from shared.model.topology import EVENTS_TO_DISPATCH
from shared.storage.database import Document
from tests.support.system import System, certificate, new_tenant, running_system
from tests.support.waiting import eventually

FLOOD = 3000
FAN_OUT = 2
MANY = 100


@pytest.fixture
async def system(stack: Stack) -> AsyncIterator[System]:
    async with running_system(stack, services=("api", "dispatcher")) as running:
        yield running


@asynccontextmanager
async def held_writes(mongodb: MongoDB) -> AsyncIterator[None]:
    """Have MongoDB answer reads and let every write wait until the end of the block."""
    async with AsyncMongoClient[Document](mongodb.url) as client:
        await client.admin.command("fsync", lock=True)
        try:
            yield
        finally:
            await client.admin.command("fsyncUnlock")


async def let_wait(system: System, *, webhooks: int, events: int, others: int) -> tuple[str, str]:
    """Let a tenant's events wait in the dispatcher, each for so many webhooks, and behind them another's events.

    Returns both tenants once the dispatcher holds all events and has dispatched none, for MongoDB lets its writes
    wait. What comes first is then the dispatcher's choice, whichever of broker and database a load slows down.
    """
    if system.stack.mongodb is None:
        pytest.skip("needs a MongoDB that it may lock: unset MONGODB_URL")
    large, modest = new_tenant(), new_tenant()
    for number in range(webhooks):
        await system.client(large).create_webhook(f"http://127.0.0.1:9/{number}", "certificate.*")
    await system.client(modest).create_webhook("http://127.0.0.1:9/", "certificate.*")
    async with held_writes(system.stack.mongodb):
        for tenant, count in ((large, events), (modest, others)):
            envelopes = [certificate(tenant) for _ in range(count)]
            await asyncio.gather(*map(system.publish, envelopes))
        await eventually(lambda: waiting_in_queue(system), until=lambda count: count == 0, within=60)
    return large, modest


async def waiting_in_queue(system: System) -> int:
    """How many events the broker has not handed to the dispatcher yet."""
    states = await queue_states(system.environment["AMQP_URL"], [EVENTS_TO_DISPATCH], name="tests")
    state = states[EVENTS_TO_DISPATCH]
    assert state is not None
    return state.messages


async def test_events_behind_a_flood_of_another_tenant_are_dispatched_before_most_of_it(system: System) -> None:
    flooding, modest = await let_wait(system, webhooks=FAN_OUT, events=FLOOD, others=10)

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
