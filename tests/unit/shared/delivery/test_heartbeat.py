"""A try that takes long is noted, so that the reconciler leaves its delivery alone."""

import asyncio

from shared.delivery.heartbeat import Heartbeat
from shared.process.clock import now_ms
from shared.testing.context import Memory
from tests.support.fresh import NOW, a_delivery, a_task
from tests.support.waiting import eventually_here


async def test_a_long_try_moves_the_due_time_and_stops_when_it_ends() -> None:
    memory = Memory.empty()
    await memory.deliveries.add([a_delivery(id="dlv_1", due_at=NOW)])
    before = asyncio.all_tasks()
    with Heartbeat(memory.deliveries, reconcile_after=0.03).during(a_task(not_before=now_ms())):
        await eventually_here(lambda: memory.deliveries.by_id["dlv_1"].due_at != NOW)
    await eventually_here(lambda: asyncio.all_tasks() <= before)


async def test_a_short_try_writes_nothing() -> None:
    memory = Memory.empty()
    await memory.deliveries.add([a_delivery(id="dlv_1", due_at=NOW)])
    with Heartbeat(memory.deliveries, reconcile_after=3600).during(a_task()):
        pass
    assert memory.deliveries.by_id["dlv_1"].due_at == NOW
