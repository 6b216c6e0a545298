"""Two reconcilers find the same stranded work at the same moment: what is owed is published once, and arrives once.

They run in the test itself, one step beside the other: between processes the moment would come up too seldom.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from deploy.local.stack import Stack
from shared.broker.browser import browse
from shared.delivery.reconciler import Reconciler
from shared.model.delivery import Delivery
from shared.model.topology import WEBHOOK, to_send_queue
from shared.process.clock import utc_now
from shared.storage import Deliveries, Subscriptions
from tests.support.receiver import Receiver
from tests.support.system import System, certificate, event, running_system
from tests.support.waiting import eventually

VIOLATION = {"policy_id": "pol_2", "signer_id": "sgn_1", "signing_id": "req_9", "rule": "daily_limit"}
EACH = 30
"""How many deliveries wait for their second attempt, and how many for their first."""


class SideBySide(Deliveries):
    """Both reconcilers have read what is due before either goes on to claim it."""

    both: asyncio.Barrier

    async def due(self, *, channel: str, before: datetime, limit: int) -> list[Delivery]:
        found = await super().due(channel=channel, before=before, limit=limit)
        await self.both.wait()
        return found


@pytest.fixture
async def system(stack: Stack) -> AsyncIterator[System]:
    """A system of our own, whose dispatcher's reconciler stays out of this."""
    settings = {"NOTIFICATION_RECONCILE_AFTER": "1h", "NOTIFICATION_RETRY_SCHEDULE": "2s"}
    async with running_system(stack, services=("api", "dispatcher", "webhook"), **settings) as running:
        yield running


async def test_two_reconcilers_at_once_publish_each_owed_task_once_and_nothing_arrives_twice(
    system: System, receiver: Receiver, tenant: str
) -> None:
    await strand(system, receiver, tenant)
    assert await sweep_side_by_side(system) == 2 * EACH
    owed = {delivery["_id"] for delivery in await system.deliveries(tenant)}
    assert sorted(await tasks(system)) == sorted(owed)

    await system.services["webhook"].start()
    deliveries = await system.wait_for_states(tenant, *["delivered"] * 2 * EACH)
    assert sorted(delivery["attempts_made"] for delivery in deliveries) == [1] * EACH + [2] * EACH
    assert len(receiver.at("/twice")) == 2 * EACH
    assert len(receiver.at("/once")) == EACH


async def strand(system: System, receiver: Receiver, tenant: str) -> None:
    """Let the broker lose deliveries that wait for a second attempt, and others that were never tried."""
    client = system.client(tenant)
    await client.create_webhook(receiver.script("/twice", *[500] * EACH, 200), "certificate.*")
    await client.create_webhook(receiver.url("/once"), "policy.*")
    for _ in range(EACH):
        await system.publish(certificate(tenant))
    await system.wait_for_states(tenant, *["retrying"] * EACH)
    await system.services["webhook"].stop()
    for _ in range(EACH):
        await system.publish(event("policy.violated", VIOLATION, tenant=tenant))
    await system.wait_for_states(tenant, *["retrying"] * EACH, *["pending"] * EACH)

    assert system.stack.rabbitmq is not None
    await system.stack.rabbitmq.delete_vhost(system.vhost)
    await system.stack.rabbitmq.create_vhost(system.vhost)

    async def not_yet_due() -> int:
        return await system.database.deliveries.count_documents({"due_at": {"$not": {"$lt": utc_now()}}})

    await eventually(not_yet_due, until=lambda waiting: not waiting)


async def sweep_side_by_side(system: System) -> int:
    """Let two reconcilers look at the same moment; returns how much both together published again."""
    both = asyncio.Barrier(2)
    async with AsyncExitStack() as closing:
        reconcilers = []
        for name in ("one", "other"):
            context = await closing.enter_async_context(aclosing(system.worker_context(name)))
            await context.publisher.connect()
            deliveries = SideBySide(context.database, Subscriptions(context.database))
            deliveries.both = both
            reconcilers.append(Reconciler(replace(context, deliveries=deliveries), after=0))
        return sum(await asyncio.gather(*(reconciler.sweep() for reconciler in reconcilers)))


async def tasks(system: System) -> list[Any]:
    """The delivery id of each task that waits for a webhook consumer."""
    queue = to_send_queue(WEBHOOK)
    async with browse(system.environment["AMQP_URL"], queue, name="tests") as browser:
        return [message.headers["delivery-id"] async for message in browser.messages()]
