"""A receiver that never answers does not keep the others waiting, however many deliveries it has before theirs."""

import asyncio

from aiohttp import web

from deploy.local.stack import Stack
from services.webhook.concurrency import INITIAL_LIMIT
from services.webhook.wiring import PREFETCH
from tests.support.receiver import Receiver
from tests.support.system import certificate, new_tenant, running_system
from tests.support.waiting import eventually

HEALTHY = 50


async def test_behind_more_hanging_deliveries_than_a_consumer_holds_the_others_still_arrive(
    stack: Stack, receiver: Receiver
) -> None:
    released = asyncio.Event()

    async def hang_until_released(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    # With this timeout no hanging request can end, and so make room, before the test has.
    services = ("api", "dispatcher", "webhook")
    async with running_system(stack, services=services, NOTIFICATION_HTTP_TIMEOUT="300s") as system:
        hanging, healthy = new_tenant(), new_tenant()
        await system.client(hanging).create_webhook(receiver.script("/hangs", hang_until_released))
        await system.client(healthy).create_webhook(receiver.url("/answers"))
        for tenant, count in ((hanging, 2 * PREFETCH), (healthy, HEALTHY)):
            envelopes = [certificate(tenant) for _ in range(count)]
            await asyncio.gather(*map(system.publish, envelopes))

        await receiver.wait_for("/answers", HEALTHY, within=60)
        assert len(receiver.at("/hangs")) == INITIAL_LIMIT
        charged = {"tenant_id": hanging, "attempts_made": {"$gt": 0}}
        assert await system.database.deliveries.count_documents(charged) == 0

        released.set()
        finished = {"tenant_id": hanging, "state": "delivered"}
        await eventually(lambda: system.database.deliveries.count_documents(finished), until=lambda n: n > PREFETCH)
