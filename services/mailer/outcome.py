"""Classifies the mail server's answer, or its absence, as the result of a delivery. Pure."""

from datetime import datetime

from services.mailer.answer import MailDeferred, MailRejected, SmtpReceipt
from shared.delivery.result import Delivered, Failed
from shared.model.delivery import Attempt
from shared.model.reasons import DeadReason
from shared.model.retry import RetrySchedule


def accepted(receipt: SmtpReceipt, *, number: int, started_at: datetime, message_id: str) -> Delivered:
    """Return the result of a mail that the server accepted."""
    return Delivered(
        attempt=Attempt(
            number=number,
            started_at=started_at,
            duration_ms=round(receipt.duration * 1000),
            status=receipt.code,
            excerpt=receipt.text,
            message_id=message_id,
        )
    )


def refused(
    fault: MailRejected | MailDeferred,
    *,
    number: int,
    started_at: datetime,
    ended_at: datetime,
    schedule: RetrySchedule,
    message_id: str = "",
) -> Failed:
    """Return the result of a mail that the server refused, permanently or for now."""
    deferred = isinstance(fault, MailDeferred)
    attempt = Attempt(
        number=number,
        started_at=started_at,
        duration_ms=round((ended_at - started_at).total_seconds() * 1000),
        status=fault.code,
        error=fault.error_class if isinstance(fault, MailDeferred) else "smtp_rejected",
        detail=str(fault),
        unknown_outcome=isinstance(fault, MailDeferred) and fault.unknown_outcome,
        message_id=message_id,
    )
    return Failed(attempt=attempt, schedule=schedule, final=None if deferred else DeadReason.SMTP_REJECTED)


def unrenderable(detail: str, *, number: int, at: datetime, schedule: RetrySchedule) -> Failed:
    """Return the result of a mail whose template can't be filled in."""
    attempt = Attempt(number=number, started_at=at, duration_ms=0, error="template_error", detail=detail)
    return Failed(attempt=attempt, schedule=schedule, final=DeadReason.TEMPLATE_ERROR)
