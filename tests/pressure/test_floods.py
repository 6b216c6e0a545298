"""A tenant that publishes far more than the dispatcher can do does not keep the others waiting, and loses nothing."""

import asyncio
from collections import Counter
from datetime import datetime

from deploy.local.stack import Stack
from services.dispatcher.batch import MAX_DELIVERIES
from tests.support.system import event, new_tenant, running_system
from tests.support.waiting import eventually

FLOOD = 1000
FAN_OUT = 4
MANY = 100


async def test_events_behind_a_flood_of_another_tenant_are_dispatched_before_most_of_it(stack: Stack) -> None:
    async with running_system(stack, services=("api",), ENVIRONMENT="development") as system:
        flooding, modest = new_tenant(), new_tenant()
        for number in range(FAN_OUT):
            await system.client(flooding).create_webhook(f"http://127.0.0.1:9/{number}", "certificate.*")
        await system.client(modest).create_webhook("http://127.0.0.1:9/", "certificate.*")
        for tenant, count in ((flooding, FLOOD), (modest, 10)):
            envelopes = [event("certificate.issued", {"certificate_id": "c"}, tenant=tenant) for _ in range(count)]
            await asyncio.gather(*map(system.publish, envelopes))

        await system.services.start("dispatcher")

        async def dispatched(tenant: str) -> int:
            return await system.database.events.count_documents({"tenant_id": tenant})

        await eventually(lambda: dispatched(modest), until=lambda count: count == 10, within=60)
        [last] = await system.database.events.find({"tenant_id": modest}).sort("dispatched_at", -1).limit(1).to_list()
        before = {"tenant_id": flooding, "dispatched_at": {"$lt": last["dispatched_at"]}}
        assert await system.database.events.count_documents(before) < FLOOD / 2

        await eventually(lambda: dispatched(flooding), until=lambda count: count == FLOOD, within=120)
        assert await system.database.deliveries.count_documents({"tenant_id": flooding}) == FLOOD * FAN_OUT


async def test_a_tenant_with_many_webhooks_holds_up_nobody_and_is_dispatched_in_bounded_batches(stack: Stack) -> None:
    async with running_system(stack, services=("api",), ENVIRONMENT="development") as system:
        wide, modest = new_tenant(), new_tenant()
        for number in range(MANY):
            await system.client(wide).create_webhook(f"http://127.0.0.1:9/{number}", "certificate.*")
        await system.client(modest).create_webhook("http://127.0.0.1:9/", "certificate.*")
        for tenant, count in ((wide, MANY), (modest, 1)):
            envelopes = [event("certificate.issued", {"certificate_id": "c"}, tenant=tenant) for _ in range(count)]
            await asyncio.gather(*map(system.publish, envelopes))

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
