"""What a result changes about a delivery: its state, what it owes next, and whether an attempt was counted."""

from datetime import timedelta

import pytest

from shared.delivery.outcome import transition_for
from shared.delivery.result import Delivered, Failed, Skipped, Withdrawn
from shared.model.delivery import Attempt, Transition
from shared.model.reasons import DeadReason, DeliveryState, SkipReason
from shared.model.retry import RetrySchedule
from shared.model.task import Task
from tests.support.values import NOON, a_task

SCHEDULE = RetrySchedule((1.0, 5.0, 25.0))


def an_attempt(number: int, error: str | None = None) -> Attempt:
    return Attempt(number=number, started_at=NOON, duration_ms=5, error=error, detail="It broke." if error else "")


def after(
    result: Delivered | Failed | Skipped | Withdrawn,
    attempt: int,
    *,
    round_start: int = 0,
    jitter: float = 0.0,
    task: Task | None = None,
) -> Transition:
    return transition_for(task or a_task(), attempt, result, round_start=round_start, now=NOON, jitter=jitter)


def failed(number: int, final: DeadReason | None = None, retry_after: float | None = None) -> Failed:
    return Failed(attempt=an_attempt(number, "http_500"), schedule=SCHEDULE, final=final, retry_after=retry_after)


def test_a_delivered_one_owes_nothing() -> None:
    change = after(Delivered(attempt=an_attempt(1)), 1)
    assert (change.state, change.due_at, change.reason) == (DeliveryState.DELIVERED, None, None)
    assert change.attempt == an_attempt(1)


EXPORT_MAIL = a_task(
    channel="email", event_type="billing.export.ready", subscription_id="", recipient="a@example.com"
)


@pytest.mark.parametrize(
    "result", [Delivered(attempt=an_attempt(1)), Skipped(reason=SkipReason.TRANSPORT_DISABLED, detail="off")]
)
def test_the_end_of_a_mail_about_a_billing_export_is_owed_until_it_is_told(result: Delivered | Skipped) -> None:
    assert after(result, 1, task=EXPORT_MAIL).due_at == NOON
    assert after(result, 1, task=a_task(event_type="billing.export.ready")).due_at is None, "a webhook's is not"


@pytest.mark.parametrize(("attempt", "wait"), [(1, 1), (2, 5), (3, 25)])
def test_a_failed_attempt_is_due_again_after_its_wait(attempt: int, wait: float) -> None:
    change = after(failed(attempt), attempt)
    assert (change.state, change.due_at) == (DeliveryState.RETRYING, NOON + timedelta(seconds=wait))
    assert change.reason is None


def test_the_attempt_after_the_last_wait_is_the_last() -> None:
    change = after(failed(4), 4)
    assert (change.state, change.reason, change.detail) == (DeliveryState.DEAD, "retries_exhausted", "It broke.")
    assert change.due_at == NOON, "the dead letter is still owed"


def test_a_final_failure_is_not_retried() -> None:
    change = after(failed(1, DeadReason.HTTP_4XX, retry_after=60), 1)
    assert (change.state, change.reason) == (DeliveryState.DEAD, "http_4xx")


def test_the_wait_that_the_receiver_asks_for_raises_ours() -> None:
    assert after(failed(1, retry_after=60), 1).due_at == NOON + timedelta(seconds=60)
    assert after(failed(2, retry_after=1), 2).due_at == NOON + timedelta(seconds=5)


def test_a_replay_gets_the_whole_schedule_again_and_goes_on_counting() -> None:
    change = after(failed(5), 5, round_start=4)
    assert (change.state, change.due_at) == (DeliveryState.RETRYING, NOON + timedelta(seconds=1))
    assert change.attempts_made_before == 4
    assert after(failed(8), 8, round_start=4).state is DeliveryState.DEAD


def test_what_is_no_longer_wanted_dies_without_an_attempt() -> None:
    change = after(Withdrawn(reason=DeadReason.WEBHOOK_DISABLED, detail="disabled: gone"), 2)
    assert (change.state, change.reason, change.attempt) == (DeliveryState.DEAD, "webhook_disabled", None)
    assert change.attempts_made_before == 1


def test_what_is_not_to_be_sent_now_is_skipped_without_an_attempt_and_without_a_letter() -> None:
    change = after(Skipped(reason=SkipReason.TRANSPORT_DISABLED, detail="off"), 1)
    assert (change.state, change.attempt, change.due_at) == (DeliveryState.SKIPPED, None, None)


def test_two_changes_can_always_be_told_apart() -> None:
    assert after(failed(1), 1).token != after(failed(1), 1).token
