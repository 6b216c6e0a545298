"""A delivery: one event on its way to one target, its attempts, and the changes made to it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from shared.model.reasons import DeliveryState

Transport = Literal["disabled", "webhook", "smtp"]
"""What a deployment sends: nothing, webhooks only, or webhooks and mails."""


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
class Delivery:
    """One event on its way to one target."""

    id: str
    tenant_id: str
    event_id: str
    event_type: str
    subscription_id: str
    """Empty for a mail to recipients named in the event."""
    channel: str
    state: DeliveryState
    created_at: datetime
    updated_at: datetime
    recipient: str = ""
    target: str = ""
    """The URL without credentials and query, or the mail address."""
    due_at: datetime | None = None
    attempts_made: int = 0
    round_start: int = 0
    """How many attempts were made before the latest replay; the retry schedule counts from here."""
    attempts: tuple[Attempt, ...] = ()
    reason: str | None = None
    detail: str = ""
    export_id: str = ""
    """The billing export that a mail is about; empty for everything else."""
    traceparent: str = ""
    created_by: str = field(default_factory=lambda: uuid4().hex)
    """Identifies our own insert when its reply was lost."""

    @property
    def message_id(self) -> str:
        """The Message-ID of the mail; empty until one was sent."""
        return next((attempt.message_id for attempt in reversed(self.attempts) if attempt.message_id), "")

    @property
    def last_error(self) -> str:
        """Why it was given up, or what the last attempt failed with; empty for a success."""
        if self.detail or not self.attempts:
            return self.detail
        return self.attempts[-1].detail or self.attempts[-1].error or ""


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One change of a delivery's state, recorded only if no other change came first."""

    delivery_id: str
    attempts_made_before: int
    attempt: Attempt | None
    """None when the delivery ended without trying (disabled, skipped)."""
    state: DeliveryState
    at: datetime
    due_at: datetime | None = None
    """When something remains to be done: the next attempt, or (at once) the dead letter or event to publish."""
    reason: str | None = None
    """A DeadReason or SkipReason."""
    detail: str = ""
    resets_failures: str = ""
    """The subscription whose consecutive failures this success resets, however many deliveries run at once."""
    token: str = field(default_factory=lambda: uuid4().hex)
    """Identifies this change after a write whose reply was lost."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A request to send a finished delivery again."""

    at: datetime
    by: str
    cause: str


@dataclass(frozen=True, kw_only=True)
class LoggedDelivery:
    """A delivery and its replays."""

    delivery: Delivery
    replays: tuple[Replay, ...]
