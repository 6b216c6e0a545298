"""A tenant that publishes far more than the dispatcher can do does not keep the others waiting, and loses nothing."""

import asyncio

from deploy.local.stack import Stack
from tests.support.system import event, new_tenant, running_system
from tests.support.waiting import eventually

FLOOD = 1000
FAN_OUT = 4


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
