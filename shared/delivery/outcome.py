"""From a sender's result to the change of the delivery. Pure: the clock and the jitter come as arguments."""

from datetime import datetime, timedelta

from shared.delivery.result import Delivered, Failed, Skipped, Withdrawn
from shared.model.delivery import Attempt, Transition
from shared.model.reasons import DeadReason, DeliveryState
from shared.model.retry import RetryIn, decide
from shared.model.system_events import is_export_mail
from shared.model.task import Task

Countable = Delivered | Failed | Withdrawn | Skipped


def transition_for(
    task: Task, attempt: int, result: Countable, *, round_start: int, now: datetime, jitter: float
) -> Transition:
    """Return the change that a result makes to the delivery.

    Args:
        task: what was attempted.
        attempt: the number of this attempt, counted over the delivery's whole life.
        result: what the sender reported.
        round_start: how many attempts were made before the latest replay.
        now: the time after the attempt.
        jitter: from 0 to 1.
    """
    owed = now if is_export_mail(task) else None  # a `billing.export.delivery_updated` follows
    match result:
        case Delivered():
            return _after(
                task,
                attempt,
                result.attempt,
                DeliveryState.DELIVERED,
                now,
                due_at=owed,
                resets_failures=task.subscription_id,
            )
        case Skipped():
            reason = result.reason.value
            return _without_attempt(task, attempt, DeliveryState.SKIPPED, now, reason, result.detail, due_at=owed)
        case Withdrawn():
            return _without_attempt(
                task, attempt, DeliveryState.DEAD, now, result.reason.value, result.detail, due_at=now
            )
        case Failed():
            return _after_failure(task, attempt, result, round_start, now, jitter)


def _after_failure(
    task: Task, attempt: int, failed: Failed, round_start: int, now: datetime, jitter: float
) -> Transition:
    record = failed.attempt
    reason: DeadReason | None = failed.final
    if reason is None:
        decision = decide(
            failed.schedule, attempt=attempt - round_start, retry_after=failed.retry_after, jitter=jitter
        )
        if isinstance(decision, RetryIn):
            due_at = now + timedelta(seconds=decision.seconds)
            return _after(task, attempt, record, DeliveryState.RETRYING, now, due_at=due_at)
        reason = failed.exhausted
    detail = record.detail or record.error or ""
    return _after(task, attempt, record, DeliveryState.DEAD, now, due_at=now, reason=reason.value, detail=detail)


def _after(
    task: Task,
    attempt: int,
    record: Attempt,
    state: DeliveryState,
    now: datetime,
    *,
    due_at: datetime | None = None,
    reason: str | None = None,
    detail: str = "",
    resets_failures: str = "",
) -> Transition:
    return Transition(
        delivery_id=task.delivery_id,
        attempts_made_before=attempt - 1,
        attempt=record,
        state=state,
        at=now,
        due_at=due_at,
        reason=reason,
        detail=detail,
        resets_failures=resets_failures,
    )


def _without_attempt(
    task: Task,
    attempt: int,
    state: DeliveryState,
    now: datetime,
    reason: str,
    detail: str,
    *,
    due_at: datetime | None = None,
) -> Transition:
    return Transition(
        delivery_id=task.delivery_id,
        attempts_made_before=attempt - 1,
        attempt=None,
        state=state,
        at=now,
        due_at=due_at,
        reason=reason,
        detail=detail,
    )
