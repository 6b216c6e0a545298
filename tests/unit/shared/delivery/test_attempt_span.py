"""What tracing is told of an attempt."""

from dataclasses import replace

import pytest

from shared.delivery.result import Busy, Delivered, Failed, OurFault, Result, Skipped, SubscriptionDeleted, Withdrawn
from shared.delivery.worker import DeliveryWorker
from shared.model.delivery import Attempt
from shared.model.reasons import DeadReason, SkipReason
from shared.model.retry import RetrySchedule
from shared.model.routing import task_message
from shared.model.task import Task
from shared.process.clock import now_ms
from shared.testing.context import Memory
from shared.testing.incoming import incoming
from shared.testing.tracing import MemorySpan, MemoryTracing
from tests.support.fresh import NOW, a_delivery, a_subscription, a_task

ATTEMPT = Attempt(number=1, started_at=NOW, duration_ms=4, status=500, error="http_500")


async def span_of(result: Result, *, attempt: int = 1) -> MemorySpan:
    memory, tracing = Memory.empty(), MemoryTracing()
    await memory.subscriptions.add(a_subscription(id="wh_1"))
    await memory.deliveries.add([a_delivery(id="dlv_1")])

    class Sender:
        async def send(self, task: Task, attempt: int) -> Result:
            assert task.traceparent == tracing.spans[0].traceparent
            return result

    context = replace(memory.context, tracing=tracing)
    task = task_message(a_task(attempt=attempt), now_ms=now_ms())
    await DeliveryWorker("webhook", Sender(), context).handle(incoming(task))
    (span,) = tracing.spans
    return span


async def test_a_failed_attempt_is_a_failed_span_with_its_facts() -> None:
    span = await span_of(Failed(attempt=ATTEMPT, schedule=RetrySchedule((1.0,))))
    assert (span.error, span.is_ended) == ("http_5xx", True)
    assert span.attributes["signalpost.delivery.id"] == "dlv_1"
    assert span.attributes["signalpost.status"] == 500
    assert [what for what, _ in span.events] == ["wait began"]


async def test_a_delivered_attempt_is_no_failure() -> None:
    span = await span_of(Delivered(attempt=replace(ATTEMPT, status=200, error=None)), attempt=2)
    assert span.error == ""


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (Withdrawn(reason=DeadReason.WEBHOOK_DISABLED, detail=""), "withdrawn"),
        (Skipped(reason=SkipReason.TRANSPORT_DISABLED, detail=""), "skipped"),
        (SubscriptionDeleted(), "gone"),
        (Busy(1.0), "endpoint_busy"),
        (OurFault(detail="keys", wait=1.0), "our_fault"),
    ],
)
async def test_what_is_no_attempt_says_why(result: Result, outcome: str) -> None:
    assert (await span_of(result)).attributes["signalpost.outcome"] == outcome
