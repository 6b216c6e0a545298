"""What happened when a delivery was attempted, and what that changes about it: plain values, no I/O."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from shared.reasons import DeliveryState


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt to deliver, as the delivery log shows it."""

    number: int
    started_at: datetime
    duration_ms: int
    status: int | None = None
    """The HTTP or SMTP code, if an answer came."""
    error: str | None = None
    """The error class (`timeout`, `http_500`, …); None for a success."""
    detail: str = ""
    excerpt: str = ""
    """The first KiB of the answer."""
    unknown_outcome: bool = False
    """The receiver may have accepted although no answer came."""
    message_id: str = ""
    """The Message-ID of the mail; empty where none was sent."""

    @property
    def ended_at(self) -> datetime:
        """When its outcome was known."""
        return self.started_at + timedelta(milliseconds=self.duration_ms)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One change of a delivery's state, to be recorded only if nobody else recorded one first."""

    delivery_id: str
    attempts_made_before: int
    attempt: Attempt | None
    """None when the delivery ended without trying (disabled, skipped)."""
    state: DeliveryState
    at: datetime
    due_at: datetime | None = None
    """When something is owed next: the next attempt, or at once for a dead letter that is not yet parked."""
    reason: str | None = None
    """A DeadReason or SkipReason."""
    detail: str = ""
    forgives: str = ""
    """The subscription whose failures in a row this success sets back; empty where there are none."""
    token: str = field(default_factory=lambda: uuid4().hex)
    """Recognises this very change after a write whose answer was lost."""
