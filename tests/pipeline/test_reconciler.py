"""The reconciler goes on whatever it finds: it is what everything else falls back on."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

import pytest

from deploy.local.stack import Stack
from shared.delivery.context import WorkerContext
from shared.delivery.reconciler import BATCH, Reconciler
from shared.model.delivery import Delivery
from shared.model.event import StoredEvent
from shared.model.reasons import DeliveryState
from shared.model.topology import EVENTS_TO_DISPATCH, WEBHOOK, to_send_queue
from shared.process.clock import utc_now
from shared.storage import Events
from tests.support.system import running_system
from tests.support.values import a_delivery, an_event
from tests.support.waiting import eventually


@pytest.fixture
async def context(stack: Stack) -> AsyncIterator[WorkerContext]:
    """A worker's connections, to a virtual host and a database of their own."""
    async with running_system(stack, services=()) as bare, aclosing(bare.worker_context("tests")) as context:
        await context.publisher.connect()
        yield context


async def test_a_document_that_nobody_understands_neither_ends_it_nor_keeps_it_from_the_others(
    context: WorkerContext,
) -> None:
    event, now = an_event(), utc_now()
    stored = StoredEvent(event=event, created_at=now, dispatched_at=now, matched=2, uncatalogued=False)
    await context.events.record_dispatched([stored], known=frozenset())
    from_tomorrow = owed("dlv_1", event.id, DeliveryState.DEAD, minutes=3, reason="a_reason_of_tomorrow")
    await context.deliveries.add([from_tomorrow, owed("dlv_2", event.id, DeliveryState.PENDING, minutes=2)])
    running = asyncio.create_task(Reconciler(context, after=0.2).run())

    async def waiting() -> int:
        return await context.publisher.message_count(to_send_queue(WEBHOOK))

    await eventually(waiting)
    assert not running.done()
    running.cancel()


async def test_deliveries_whose_events_are_missing_do_not_stand_in_the_way_of_the_others_for_ever(
    context: WorkerContext,
) -> None:
    event, now = an_event(), utc_now()
    stored = StoredEvent(event=event, created_at=now, dispatched_at=now, matched=1, uncatalogued=False)
    await context.events.record_dispatched([stored], known=frozenset())
    hopeless = [owed(f"dlv_{n}", "evt_lost", DeliveryState.PENDING, minutes=9) for n in range(BATCH)]
    await context.deliveries.add([*hopeless, owed("dlv_last", event.id, DeliveryState.PENDING, minutes=8)])
    assert await eventually(Reconciler(context, after=0.2).sweep) == 1
    lost = await context.deliveries.get("dlv_0")
    assert lost is not None
    assert lost.state is DeliveryState.PENDING  # its event may still be on the queue, and completes it then


@pytest.mark.parametrize("are_dispatched", [True, False])
async def test_large_events_are_published_again_without_ever_being_in_memory_together(
    context: WorkerContext, are_dispatched: bool
) -> None:
    size, count, then = 400_000, 120, utc_now() - timedelta(minutes=3)
    for number in range(count):
        event = an_event(source_id=f"{number}", data=b'"' + b"x" * size + b'"')
        if not are_dispatched:
            await Events(context.database).add_accepted(event, at=then, uncatalogued=False)
            continue
        stored = StoredEvent(event=event, created_at=then, dispatched_at=then, matched=1, uncatalogued=False)
        await context.events.record_dispatched([stored], known=frozenset())
        await context.deliveries.add([owed(f"dlv_{number}", event.id, DeliveryState.PENDING, minutes=3)])
    reconciler = Reconciler(context, after=0.2)
    tracemalloc.start()
    try:
        assert await eventually(reconciler.sweep) == count
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size * count
    queue = to_send_queue(WEBHOOK) if are_dispatched else EVENTS_TO_DISPATCH
    assert await context.publisher.message_count(queue) == count


def owed(
    delivery_id: str, event_id: str, state: DeliveryState, *, minutes: int, reason: str | None = None
) -> Delivery:
    then = utc_now() - timedelta(minutes=minutes)
    times = {"created_at": then, "updated_at": then, "due_at": then}
    return a_delivery(id=delivery_id, event_id=event_id, state=state, reason=reason, **times)
