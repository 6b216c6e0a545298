"""The reconciler goes on whatever it finds: it is what everything else falls back on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from shared.clock import utc_now
from shared.delivery.context import WorkerContext
from shared.delivery.reconciler import Reconciler
from shared.reasons import DeliveryState
from shared.settings import DeliverySettings, load
from shared.storage import Delivery, StoredEvent
from shared.topology import WEBHOOK, to_send_queue
from tests.support.values import an_event
from tests.support.waiting import eventually


@pytest.fixture
async def context(stack: Stack) -> AsyncIterator[WorkerContext]:
    """A worker's connections, to a virtual host and a database of their own."""
    assert stack.rabbitmq is not None
    name = f"test-{uuid4().hex[:12]}"
    settings = load(
        DeliverySettings,
        environment="development",
        amqp_url=await stack.rabbitmq.create_vhost(name),
        mongodb_url=stack.environment()["MONGODB_URL"],
        mongodb_database=name,
    )
    async with aclosing(WorkerContext.from_settings(settings, name="tests")) as context:
        await context.publisher.connect()
        yield context
    await stack.rabbitmq.delete_vhost(name)


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


def owed(
    delivery_id: str, event_id: str, state: DeliveryState, *, minutes: int, reason: str | None = None
) -> Delivery:
    then = utc_now() - timedelta(minutes=minutes)
    return Delivery(
        id=delivery_id,
        tenant_id="org_1",
        event_id=event_id,
        event_type="certificate.issued",
        subscription_id="wh_1",
        channel=WEBHOOK,
        state=state,
        created_at=then,
        updated_at=then,
        due_at=then,
        reason=reason,
    )
