"""What a channel's sender reports about one try. Whose fault it was decides which class it is.

Delivered   the receiver has it
Failed      the receiver's doing: an attempt is counted, and retried or not
Withdrawn   no longer wanted: dead without an attempt
Skipped     not to be sent now, but recoverable
Gone        the subscription was deleted: the delivery goes with it
Unable      our own fault: nobody is charged, it is tried again after a wait
"""

from dataclasses import dataclass
from typing import Protocol

from shared.model.delivery import Attempt
from shared.model.reasons import DeadReason, SkipReason
from shared.model.retry import RetrySchedule
from shared.model.task import Task


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """The receiver took it."""

    attempt: Attempt
    follows_failure: bool = True
    """Whether its subscription may have failures on record, in a row, which this success sets back."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The receiver failed or refused."""

    attempt: Attempt
    schedule: RetrySchedule
    final: DeadReason | None = None
    """Why no retry can help; None for a failure that is retried as long as the schedule lasts."""
    retry_after: float | None = None
    """The wait the receiver asked for, in seconds."""
    exhausted: DeadReason = DeadReason.RETRIES_EXHAUSTED
    """The reason to give when the schedule is used up."""


@dataclass(frozen=True, kw_only=True)
class Withdrawn:
    """Nothing was sent and nothing will be."""

    reason: DeadReason
    detail: str


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """Nothing was sent; `recover` can send it later."""

    reason: SkipReason
    detail: str


@dataclass(frozen=True)
class Gone:
    """The subscription does not exist any more."""


@dataclass(frozen=True)
class Busy:
    """Nothing was sent because too much is being sent there already."""

    wait: float
    """Seconds until its turn may come."""


@dataclass(frozen=True, kw_only=True)
class Unable:
    """Nothing was sent because something of ours is wrong."""

    detail: str
    wait: float
    """Seconds until it is worth another try."""


Result = Delivered | Failed | Withdrawn | Skipped | Gone | Busy | Unable


class Sender(Protocol):
    """What a channel brings: one try at one task."""

    async def send(self, task: Task, attempt: int) -> Result:
        """Try to deliver; `attempt` is the number this try gets if it counts."""
        ...
