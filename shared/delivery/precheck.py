"""Decides, from the delivery's document, whether a task may still be sent. Pure.

The broker message is a hint, the document is the truth: a task may be a second copy, date from before a replay, or
belong to a delivery that was settled or deleted while the task waited.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.model.delivery import Delivery
from shared.model.reasons import UNFINISHED
from shared.model.task import Task


@dataclass(frozen=True)
class Go:
    """Send it, as this attempt."""

    attempt: int


@dataclass(frozen=True)
class Discard:
    """Drop this task."""

    why: str


@dataclass(frozen=True)
class Finish:
    """The delivery has ended, but a crash came before its dead letter or its event was published."""

    delivery: Delivery


Verdict = Go | Discard | Finish


def needs_precheck(task: Task, *, redelivered: bool, moved: bool) -> bool:
    """Say whether the document must be read first: always, except for a first attempt that nothing repeated.

    `moved`: the message lay in a dead-letter queue before, and somebody put it back by hand.
    """
    return redelivered or moved or task.attempt > 1 or bool(task.republished_by)


def was_moved(headers: Mapping[str, object]) -> bool:
    """Tell from a message's headers whether it lay in a dead-letter queue before."""
    return any(name.startswith(("dead-", "x-death", "x-first-death")) for name in headers)


def precheck(task: Task, delivery: Delivery | None) -> Verdict:
    """Compare a task with the document of its delivery."""
    if delivery is None:
        return Discard("deleted")
    if delivery.state not in UNFINISHED:
        return Discard(delivery.state.value) if delivery.due_at is None else Finish(delivery)
    if task.attempt <= delivery.attempts_made:
        # If a crash prevented the next task from being published, the reconciler publishes it.
        return Discard("superseded")
    return Go(delivery.attempts_made + 1)
