"""What the reconciler publishes again, and what it leaves alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.broker import BrokerUnavailable
from shared.delivery.reconciler import Reconciler
from shared.model.delivery import Attempt
from shared.model.event import StoredEvent
from shared.model.reasons import DeliveryState
from shared.model.topology import DEAD, EVENTS, EVENTS_TO_DISPATCH, TO_SEND, to_send_queue
from shared.process.clock import utc_now
from shared.testing.context import Memory
from tests.support.fresh import a_delivery, a_subscription, an_event


@pytest.fixture
def memory() -> Memory:
    return Memory.empty()


def reconciler(memory: Memory) -> Reconciler:
    """One that has seen its servers healthy for long enough."""
    reconciler = Reconciler(memory.context, after=60)
    reconciler._healthy_since = utc_now() - timedelta(hours=2)
    return reconciler


async def stranded(memory: Memory, *, minutes: float = 5, **changes: object) -> None:
    """A dispatched event with one delivery that was due a while ago."""
    then = utc_now() - timedelta(minutes=minutes)
    event = an_event()
    stored = StoredEvent(event=event, created_at=then, dispatched_at=then, matched=1, uncatalogued=False)
    await memory.events.record_dispatched([stored], known=frozenset())
    await memory.subscriptions.add(a_subscription(id="wh_1"))
    await memory.deliveries.add([a_delivery(id="dlv_1", event_id=event.id, due_at=then, **changes)])


async def test_a_delivery_that_stands_still_is_published_once(memory: Memory) -> None:
    await stranded(memory)
    assert await reconciler(memory).sweep() == 1
    (task,) = memory.publisher.published
    assert (task.exchange, task.headers["attempt"], task.headers["republished-by"]) == (TO_SEND, 1, "reconciler")
    assert await reconciler(memory).sweep() == 0


async def test_a_retry_goes_on_with_its_next_attempt(memory: Memory) -> None:
    attempt = Attempt(number=1, started_at=utc_now(), duration_ms=1, status=503, error="http_503")
    await stranded(memory, state=DeliveryState.RETRYING, attempts_made=1, attempts=(attempt,))
    await reconciler(memory).sweep()
    assert memory.publisher.published[0].headers["attempt"] == 2


async def test_a_dead_delivery_gets_the_dead_letter_that_a_crash_withheld(memory: Memory) -> None:
    await stranded(memory, state=DeliveryState.DEAD, reason="http_4xx", attempts_made=1)
    await reconciler(memory).sweep()
    assert DEAD in [message.exchange for message in memory.publisher.published]
    assert memory.deliveries.by_id["dlv_1"].due_at is None


async def test_what_may_still_wait_in_a_queue_is_left_alone_for_an_hour(memory: Memory) -> None:
    memory.publisher.waiting[to_send_queue("webhook")] = 1
    await stranded(memory, minutes=5)
    assert await reconciler(memory).sweep() == 0
    memory.deliveries.by_id["dlv_1"] = replace(
        memory.deliveries.by_id["dlv_1"], due_at=utc_now() - timedelta(minutes=61)
    )
    assert await reconciler(memory).sweep() == 1


async def test_a_delivery_without_its_event_is_put_off(memory: Memory) -> None:
    await stranded(memory)
    memory.events.by_id.clear()
    assert await reconciler(memory).sweep() == 0
    due_at = memory.deliveries.by_id["dlv_1"].due_at
    assert due_at is not None
    assert due_at > utc_now()


async def test_an_accepted_event_that_was_never_dispatched_is_published_again(memory: Memory) -> None:
    event = an_event()
    await memory.events.add_accepted(event, at=utc_now() - timedelta(minutes=5), uncatalogued=False)
    assert await reconciler(memory).sweep() == 1
    (message,) = memory.publisher.published
    assert (message.exchange, message.routing_key) == (EVENTS, event.type)
    memory.publisher.waiting[EVENTS_TO_DISPATCH] = 1
    assert await reconciler(memory).sweep() == 0


async def test_right_after_an_outage_nothing_is_published_again(memory: Memory) -> None:
    await stranded(memory)
    sweeping = reconciler(memory)
    memory.database.is_ready = False
    assert await sweeping.sweep() == 0
    memory.database.is_ready = True
    assert await sweeping.sweep() == 0


async def test_a_broker_that_is_away_ends_the_sweep(memory: Memory) -> None:
    await stranded(memory)
    memory.publisher.is_away = True
    with pytest.raises(BrokerUnavailable):
        await reconciler(memory).sweep()


async def test_one_that_can_not_be_helped_keeps_nobody_else_from_it(memory: Memory) -> None:
    await stranded(memory, state=DeliveryState.DEAD, reason="a reason of another version")
    later = utc_now() - timedelta(minutes=4)
    event_id = memory.deliveries.by_id["dlv_1"].event_id
    await memory.deliveries.add([a_delivery(id="dlv_2", event_id=event_id, due_at=later)])
    assert await reconciler(memory).sweep() == 1
