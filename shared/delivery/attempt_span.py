"""The span of one attempt: what it delivers, how long that waited before, and the outcome."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from shared.delivery.result import Busy, Delivered, Failed, OurFault, Result, Skipped, SubscriptionDeleted, Withdrawn
from shared.model.delivery import Attempt, Delivery
from shared.model.task import Task
from shared.model.topology import EMAIL, WEBHOOK, to_send_queue
from shared.telemetry.attempts import attempt_outcome
from shared.telemetry.spans import messaging
from shared.telemetry.tracing import Kind, Span, Tracing

_NAMES: Final = {WEBHOOK: "deliver webhook", EMAIL: "deliver mail"}
_WITHOUT_ATTEMPT: Final[Mapping[type[Result], str]] = {
    Withdrawn: "withdrawn",
    Skipped: "skipped",
    SubscriptionDeleted: "gone",
    Busy: "endpoint_busy",
    OurFault: "our_fault",
}


def attempting(tracing: Tracing, task: Task, attempt: int, delivery: Delivery | None, *, now: datetime) -> Span:
    """Begin the span of an attempt.

    Args:
        tracing: makes the span.
        task: its trace context is the dispatch's, for every attempt of the delivery.
        attempt: the attempt's number, if it counts.
        delivery: its document, where it was read.
        now: the time.
    """
    since = _waited_since(task, delivery)
    span = tracing.start(
        _NAMES[task.channel],
        Kind.CONSUMER,
        parent=task.traceparent,
        link=task.traceparent,
        attributes=messaging("process", "deliver", to_send_queue(task.channel))
        | {
            "messaging.message.id": task.delivery_id,
            "signalpost.delivery.id": task.delivery_id,
            "signalpost.event.id": task.event_id,
            "signalpost.event.type": task.event_type,
            "signalpost.tenant.id": task.tenant_id,
            "signalpost.attempt": attempt,
            "signalpost.waited_ms": max(round((now - since).total_seconds() * 1000), 0),
        },
    )
    span.happened("wait began", since)
    return span


def _waited_since(task: Task, delivery: Delivery | None) -> datetime:
    """Return when the previous attempt ended; for the first attempt, when the delivery was created."""
    if delivery is None:
        return datetime.fromtimestamp(task.not_before / 1000, UTC)
    return delivery.attempts[-1].ended_at if delivery.attempts else delivery.created_at


def note_result(span: Span, result: Result) -> None:
    """Add the outcome to the span."""
    if isinstance(result, Delivered | Failed):
        _note_attempt(span, result.attempt)
    else:
        span.note({"signalpost.outcome": _WITHOUT_ATTEMPT[type(result)]})
        if isinstance(result, OurFault):
            span.fail("our_fault")


def _note_attempt(span: Span, attempt: Attempt) -> None:
    outcome = attempt_outcome(attempt)
    span.note({"signalpost.outcome": outcome})
    if attempt.status is not None:
        span.note({"signalpost.status": attempt.status})
    if attempt.error is not None:
        span.fail(outcome)
