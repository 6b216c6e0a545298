"""One task from the first byte to the ack: what is checked, sent, deferred and dead-lettered."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.delivery.result import Busy, Delivered, Failed, OurFault, Result, SubscriptionDeleted
from shared.delivery.worker import DeliveryWorker
from shared.model.delivery import Attempt, Delivery
from shared.model.reasons import DeadReason, DeliveryState
from shared.model.retry import RetrySchedule
from shared.model.routing import Outgoing, task_message
from shared.model.task import Task
from shared.model.topology import DEAD, DELAY_HEADER, RETRY, TO_SEND
from shared.process.clock import now_ms
from shared.testing.context import Memory
from shared.testing.incoming import MemoryAcks, incoming
from tests.support.fresh import NOW, a_delivery, a_subscription, a_task

SENT = Attempt(number=1, started_at=NOW, duration_ms=4, status=204)
REFUSED = Attempt(number=1, started_at=NOW, duration_ms=4, status=400, error="http_400", detail="refused")


class ScriptedSender:
    """Answers as told, and remembers what it was given."""

    def __init__(self, *results: Result | Exception) -> None:
        self.results = list(results)
        self.tried: list[tuple[str, int]] = []

    async def send(self, task: Task, attempt: int) -> Result:
        self.tried.append((task.delivery_id, attempt))
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result


@pytest.fixture
def memory() -> Memory:
    return Memory.empty()


async def run(memory: Memory, sender: ScriptedSender, message: Outgoing, *, redelivered: bool = False) -> None:
    acks = MemoryAcks()
    await DeliveryWorker("webhook", sender, memory.context).handle(
        incoming(message, redelivered=redelivered, acks=acks)
    )
    assert acks.settled == [1], "every message is acked in the end"


async def stored(memory: Memory, **changes: object) -> Delivery:
    subscription = a_subscription(id="wh_1")
    await memory.subscriptions.add(subscription)
    delivery = a_delivery(id="dlv_1", **changes)
    await memory.deliveries.add([delivery])
    return delivery


def due(**changes: object) -> Outgoing:
    return task_message(a_task(**changes), now_ms=now_ms())


async def test_a_first_attempt_is_sent_recorded_and_over(memory: Memory) -> None:
    await stored(memory)
    sender = ScriptedSender(Delivered(attempt=SENT))
    await run(memory, sender, due())
    assert sender.tried == [("dlv_1", 1)]
    assert memory.deliveries.by_id["dlv_1"].state is DeliveryState.DELIVERED
    assert memory.publisher.published == []


async def test_a_failure_is_retried_by_way_of_a_delay_queue(memory: Memory) -> None:
    await stored(memory)
    await run(memory, ScriptedSender(Failed(attempt=REFUSED, schedule=RetrySchedule((5.0,)))), due())
    assert memory.deliveries.by_id["dlv_1"].state is DeliveryState.RETRYING
    (retry,) = memory.publisher.published
    assert (retry.exchange, retry.headers["attempt"]) == (RETRY, 2)


async def test_a_final_failure_is_charged_and_dead_lettered_with_its_reason(memory: Memory) -> None:
    await stored(memory)
    failed = Failed(attempt=REFUSED, schedule=RetrySchedule((5.0,)), final=DeadReason.HTTP_4XX)
    await run(memory, ScriptedSender(failed), due())
    delivery = memory.deliveries.by_id["dlv_1"]
    assert (delivery.state, delivery.due_at) == (DeliveryState.DEAD, None)
    dead = [message for message in memory.publisher.published if message.exchange == DEAD]
    assert [message.headers["dead-reason"] for message in dead] == ["http_4xx"]
    assert memory.subscriptions.by_id["wh_1"].consecutive_failures == 1


async def test_the_failure_that_reaches_the_threshold_disables_and_says_so() -> None:
    memory = Memory.empty(auto_disable_after=1)
    await stored(memory)
    failed = Failed(attempt=REFUSED, schedule=RetrySchedule(()), final=DeadReason.HTTP_4XX)
    await run(memory, ScriptedSender(failed), due())
    assert not memory.subscriptions.by_id["wh_1"].enabled
    assert "webhook.disabled" in [message.routing_key for message in memory.publisher.published]


async def test_a_410_disables_at_once(memory: Memory) -> None:
    await stored(memory)
    gone = Failed(attempt=replace(REFUSED, status=410), schedule=RetrySchedule(()), final=DeadReason.GONE)
    await run(memory, ScriptedSender(gone), due())
    assert memory.subscriptions.by_id["wh_1"].disabled_reason == "gone"


async def test_a_deleted_subscription_takes_its_delivery_along(memory: Memory) -> None:
    await stored(memory)
    await run(memory, ScriptedSender(SubscriptionDeleted()), due())
    assert memory.deliveries.by_id == {}


@pytest.mark.parametrize("result", [Busy(3.0), OurFault(detail="keys", wait=3.0)], ids=["busy", "our fault"])
async def test_what_can_not_be_sent_now_waits_without_costing_an_attempt(memory: Memory, result: Result) -> None:
    await stored(memory)
    await run(memory, ScriptedSender(result), due())
    delivery = memory.deliveries.by_id["dlv_1"]
    assert (delivery.state, delivery.attempts_made) == (DeliveryState.PENDING, 0)
    (later,) = memory.publisher.published
    assert (later.exchange, later.headers["attempt"], later.headers["republished-by"]) == (RETRY, 1, "webhook")


async def test_a_bug_in_a_sender_postpones_its_own_delivery_only(memory: Memory) -> None:
    await stored(memory)
    await run(memory, ScriptedSender(RuntimeError("a bug")), due())
    assert memory.deliveries.by_id["dlv_1"].attempts_made == 0
    assert memory.publisher.published[0].headers[DELAY_HEADER] == "25s"


async def test_a_retry_that_comes_too_early_goes_on_waiting(memory: Memory) -> None:
    await stored(memory)
    sender = ScriptedSender()
    await run(memory, sender, replace(due(attempt=2, not_before=now_ms() + 60_000), exchange=TO_SEND))
    assert sender.tried == []
    assert memory.publisher.published[0].exchange == RETRY


async def test_a_first_attempt_is_not_delayed_by_a_clock_that_is_ahead_of_ours(memory: Memory) -> None:
    await stored(memory)
    sender = ScriptedSender(Delivered(attempt=SENT))
    await run(memory, sender, due(not_before=now_ms() + 45_000))
    assert sender.tried == [("dlv_1", 1)]


async def test_a_dead_letter_put_back_by_hand_is_dropped_unless_it_is_still_wanted(memory: Memory) -> None:
    await stored(memory, state=DeliveryState.DEAD, reason="http_4xx", attempts_made=1)
    sender = ScriptedSender()
    message = due()
    await run(memory, sender, replace(message, headers={**message.headers, "dead-reason": "http_4xx"}))
    assert (sender.tried, memory.publisher.published) == ([], [])


async def test_a_retry_that_comes_back_before_its_publish_is_confirmed_is_sent(memory: Memory) -> None:
    await stored(memory)
    sender = ScriptedSender(Failed(attempt=REFUSED, schedule=RetrySchedule((0.2,))), Delivered(attempt=SENT))
    worker = DeliveryWorker("webhook", sender, memory.context)
    publish = memory.publisher.publish

    async def hand_out_first(message: Outgoing) -> None:
        await publish(message)
        if message.headers["attempt"] == 2:
            await worker.handle(incoming(message))

    memory.publisher.publish = hand_out_first  # type: ignore[method-assign]
    await worker.handle(incoming(due()))
    assert [attempt for _, attempt in sender.tried] == [1, 2]


async def test_failures_of_our_own_events_never_charge_a_webhook(memory: Memory) -> None:
    await stored(memory, event_type="delivery.dead_lettered")
    failed = Failed(attempt=REFUSED, schedule=RetrySchedule(()), final=DeadReason.HTTP_4XX)
    await run(memory, ScriptedSender(failed), due(event_type="delivery.dead_lettered"))
    assert memory.subscriptions.by_id["wh_1"].consecutive_failures == 0


async def test_every_success_resets_the_count(memory: Memory) -> None:
    await stored(memory)
    await memory.subscriptions.count_failure("wh_1", "dlv_0", threshold=10, ended_at=NOW)
    await run(memory, ScriptedSender(Delivered(attempt=SENT)), due())
    assert memory.subscriptions.by_id["wh_1"].consecutive_failures == 0


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({}, True),
        ({"state": DeliveryState.DELIVERED}, False),
        ({"attempts_made": 1, "state": DeliveryState.RETRYING}, False),
    ],
    ids=["still wanted", "delivered already", "superseded"],
)
async def test_a_redelivered_task_is_checked_against_its_document(
    memory: Memory, changes: dict[str, object], sent: bool
) -> None:
    await stored(memory, **changes)
    sender = ScriptedSender(Delivered(attempt=SENT))
    await run(memory, sender, due(), redelivered=True)
    assert bool(sender.tried) is sent


async def test_a_task_without_its_document_is_dropped(memory: Memory) -> None:
    sender = ScriptedSender()
    await run(memory, sender, due(attempt=2))
    assert (sender.tried, memory.publisher.published) == ([], [])


async def test_a_dead_letter_that_a_crash_left_unpublished_is_published(memory: Memory) -> None:
    await stored(memory, state=DeliveryState.DEAD, reason="http_4xx", attempts_made=1, due_at=NOW)
    await run(memory, ScriptedSender(), due(attempt=1), redelivered=True)
    assert DEAD in [message.exchange for message in memory.publisher.published]
    assert memory.deliveries.by_id["dlv_1"].due_at is None


async def test_a_second_copy_of_what_is_being_sent_waits(memory: Memory) -> None:
    await stored(memory)
    sending, go_on = asyncio.Event(), asyncio.Event()

    class SlowSender(ScriptedSender):
        async def send(self, task: Task, attempt: int) -> Result:
            sending.set()
            await go_on.wait()
            return await super().send(task, attempt)

    sender = SlowSender(Delivered(attempt=SENT))
    worker = DeliveryWorker("webhook", sender, memory.context)
    first = asyncio.create_task(worker.handle(incoming(due())))
    await sending.wait()
    await worker.handle(incoming(due()))
    go_on.set()
    await first
    assert sender.tried == [("dlv_1", 1)]
    assert memory.publisher.published[0].exchange == RETRY


def without(name: str) -> Callable[[Outgoing], Outgoing]:
    return lambda message: replace(message, headers={k: v for k, v in message.headers.items() if k != name})


async def test_what_is_no_task_is_dead_lettered_as_undecodable(memory: Memory) -> None:
    await run(memory, ScriptedSender(), without("delivery-id")(due()))
    (dead,) = memory.publisher.published
    assert (dead.exchange, dead.headers["dead-reason"]) == (DEAD, "undecodable")


async def test_a_task_of_a_newer_version_is_left_to_that_version(memory: Memory) -> None:
    message = due()
    await run(memory, ScriptedSender(), replace(message, headers={**message.headers, "message-version": 99}))
    (held,) = memory.publisher.published
    assert (held.exchange, held.headers[DELAY_HEADER]) == (RETRY, "5s")
