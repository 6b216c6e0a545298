"""Deliveries and dead letters: what their tenant is shown, and how they are sent again."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.api.http.schemas import AnswerModel, Count, Flag, Page, RequestModel, RequestTime, Timestamp
from shared.diagnosis.sentences import reason_sentence
from shared.model.delivery import Attempt, Delivery, LoggedDelivery, Replay
from shared.model.reasons import UNFINISHED, DeliveryState

Channel = Literal["webhook", "email"]
MAX_AT_ONCE = 1000


class AttemptRecord(AnswerModel):
    """One attempt to deliver."""

    number: int
    started_at: Timestamp
    duration_ms: int
    status: int | None = Field(description="The HTTP or SMTP code, if an answer came.")
    error: str | None = Field(description="The error's class, such as `timeout` or `http_500`; null for a success.")
    detail: str = Field(description="What happened, for a person.")
    response_excerpt: str = Field(description="The first KiB of the answer.")
    unknown_outcome: bool = Field(description="The receiver may have taken it although no answer came.")

    @classmethod
    def of(cls, attempt: Attempt) -> "AttemptRecord":
        """Return what is shown of an attempt."""
        return cls(
            number=attempt.number,
            started_at=attempt.started_at,
            duration_ms=attempt.duration_ms,
            status=attempt.status,
            error=attempt.error,
            detail=attempt.detail,
            response_excerpt=attempt.excerpt,
            unknown_outcome=attempt.unknown_outcome,
        )


class DeliverySummary(AnswerModel):
    """One event on its way to one target."""

    id: str = Field(examples=["dlv_k5x2…"])
    event_id: str
    event_type: str
    subscription_id: str | None = Field(
        description="The webhook or mail subscription; null for a recipient named in the event."
    )
    channel: str = Field(description="`webhook` or `email`.")
    target: str = Field(description="The URL without credentials or query, or the mail address.")
    status: DeliveryState
    reason: str | None = Field(description="Why it is dead or skipped, as a stable word.")
    reason_text: str | None = Field(description="The same in a sentence.")
    detail: str = Field(description="What happened last, for a person.")
    attempts_made: int
    last_attempt: AttemptRecord | None
    next_attempt_at: Timestamp | None = Field(description="When it is tried next; null when it is finished.")
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliverySummary":
        """Return what lists show of a delivery."""
        return cls(**_shown(delivery))


class ReplayRecord(AnswerModel):
    """Somebody had it sent again."""

    at: Timestamp
    by: str
    cause: str

    @classmethod
    def of(cls, replay: Replay) -> "ReplayRecord":
        """Return what is shown of a replay."""
        return cls(at=replay.at, by=replay.by, cause=replay.cause)


class DeliveryDetail(DeliverySummary):
    """A delivery with every attempt."""

    attempts: list[AttemptRecord]
    replays: list[ReplayRecord]

    @classmethod
    def of_logged(cls, logged: LoggedDelivery) -> "DeliveryDetail":
        """Return everything that is shown of a delivery."""
        return cls(
            **_shown(logged.delivery),
            attempts=[AttemptRecord.of(attempt) for attempt in logged.delivery.attempts],
            replays=[ReplayRecord.of(replay) for replay in logged.replays],
        )


class DeliveryPage(Page[DeliverySummary]):
    """A page of deliveries."""


class DeadLetter(DeliverySummary):
    """A delivery that was given up; `updated_at` is when."""

    replays: list[ReplayRecord] = Field(description="When it was sent again before, and died again.")

    @classmethod
    def of_logged(cls, logged: LoggedDelivery) -> "DeadLetter":
        """Return what is shown of a dead letter."""
        return cls(**_shown(logged.delivery), replays=[ReplayRecord.of(replay) for replay in logged.replays])


class DeadLetterPage(Page[DeadLetter]):
    """A page of dead letters."""


Cause = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        pattern=r"\S",
        description="What was wrong and is fixed now; it is kept with the delivery.",
        examples=["The receiver's certificate had expired and was renewed."],
    ),
]
Force = Annotated[Flag, Field(description="Send although the target's last attempt failed after this was given up.")]


class ReplayOne(RequestModel):
    """Why a dead letter is sent again."""

    cause: Cause
    force: Force = False


class ReplayMany(RequestModel):
    """Which dead letters are sent again, and why. Without any filter: all of the tenant's."""

    cause: Cause
    force: Force = False
    dry_run: Flag = Field(default=False, description="Say what would be sent, and send nothing.")
    limit: Count = Field(default=100, ge=1, le=MAX_AT_ONCE, description="How many at most, the newest first.")
    reason: str | None = Field(default=None, max_length=64, description="Only those with this reason.")
    channel: Channel | None = None
    webhook: str | None = Field(default=None, max_length=64, description="Only those of this webhook.")
    since: RequestTime | None = None
    until: RequestTime | None = None


class Recover(RequestModel):
    """From when on a webhook's dead and skipped deliveries are sent again."""

    since: RequestTime
    until: RequestTime | None = None
    dry_run: Flag = Field(default=False, description="Count, and send nothing.")


class RecoverSkipped(RequestModel):
    """What was recorded without being sent, and is sent now."""

    channel: Channel | None = Field(default=None, description="Only those of this channel.")
    since: RequestTime
    until: RequestTime | None = None
    dry_run: Flag = Field(default=False, description="Say what would be sent, and send nothing.")
    limit: Count = Field(default=MAX_AT_ONCE, ge=1, le=MAX_AT_ONCE, description="How many at most, the oldest first.")


class Refused(AnswerModel):
    """A delivery that was left alone."""

    delivery_id: str
    code: str = Field(examples=["target_still_failing"])
    detail: str


class SentAgain(AnswerModel):
    """What is sent again, or would be in a dry run."""

    dry_run: bool
    matched: int = Field(description="How many match the request.")
    count: int = Field(description="How many of them are sent again.")
    refused: list[Refused] = Field(default=[], description="Those that were looked at and left alone.")


def _shown(delivery: Delivery) -> dict[str, Any]:
    attempts = delivery.attempts
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "subscription_id": delivery.subscription_id or None,
        "channel": delivery.channel,
        "target": delivery.target or delivery.recipient,
        "status": delivery.state,
        "reason": delivery.reason,
        "reason_text": reason_sentence(delivery.state, delivery.reason),
        "detail": delivery.detail,
        "attempts_made": delivery.attempts_made,
        "last_attempt": AttemptRecord.of(attempts[-1]) if attempts else None,
        "next_attempt_at": delivery.due_at if delivery.state in UNFINISHED else None,
        "created_at": delivery.created_at,
        "updated_at": delivery.updated_at,
    }
