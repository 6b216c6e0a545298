"""Decides, from the delivery's document, whether a task may still leave the house. Pure.

The broker message is a hint, the document is the truth: a task may be a second copy, come from before a
replay, or be for something that was settled or deleted while it waited.
"""

from dataclasses import dataclass

from shared.model.delivery import Delivery
from shared.model.reasons import UNFINISHED
from shared.model.task import Task


@dataclass(frozen=True)
class Go:
    """Try it, as this attempt."""

    attempt: int


@dataclass(frozen=True)
class Discard:
    """Nothing is to be done for this task."""

    why: str


@dataclass(frozen=True)
class Finish:
    """The delivery has ended, and a crash came before its dead letter was parked or its event emitted."""

    delivery: Delivery


Verdict = Go | Discard | Finish


def needs_check(task: Task, *, redelivered: bool) -> bool:
    """Say whether the document must be read first: always, but for a first attempt on its first way."""
    return redelivered or task.attempt > 1 or bool(task.republished_by)


def judge(task: Task, delivery: Delivery | None) -> Verdict:
    """Compare a task with the document of its delivery."""
    if delivery is None:
        return Discard("deleted")
    if delivery.state not in UNFINISHED:
        return Discard(delivery.state.value) if delivery.due_at is None else Finish(delivery)
    if task.attempt <= delivery.attempts_made:
        # What a crash left standing between this record and the next message, the reconciler finds.
        return Discard("superseded")
    return Go(delivery.attempts_made + 1)
