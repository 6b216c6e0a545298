"""What a channel's sender reports about one attempt. The class says whose fault a failure is, and what follows.

Delivered            the receiver has it
Failed               the receiver's fault: an attempt is counted, and retried or not
Withdrawn            no longer wanted: dead without an attempt
Skipped              not to be sent now, but recoverable
SubscriptionDeleted  the delivery is deleted as well
Busy                 the endpoint is at its limit: tried again after a wait, no attempt is counted
OurFault             our own fault: tried again after a wait, no attempt is counted
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
class SubscriptionDeleted:
    """The subscription does not exist any more."""


@dataclass(frozen=True)
class Busy:
    """Nothing was sent because the endpoint's concurrency or rate limit is reached."""

    wait: float
    """Seconds until another try makes sense."""


@dataclass(frozen=True, kw_only=True)
class OurFault:
    """Nothing was sent because of a fault of ours."""

    detail: str
    wait: float
    """Seconds until another try makes sense."""


Result = Delivered | Failed | Withdrawn | Skipped | SubscriptionDeleted | Busy | OurFault


class Sender(Protocol):
    """A channel's way to attempt one task."""

    async def send(self, task: Task, attempt: int) -> Result:
        """Try to deliver; `attempt` is the number this try gets if it counts."""
        ...
