"""Classifies an answer, or its absence, as the result of a delivery. Pure."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from shared.delivery.result import Delivered, Failed
from shared.model.delivery import Attempt
from shared.model.reasons import DeadReason
from shared.model.retry import RetrySchedule
from shared.outbound.answer import ErrorClass, HttpAnswer, HttpFailure

_UNSAFE = re.compile(r"[^\t\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd]")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def classify(
    answer: HttpAnswer | HttpFailure,
    *,
    number: int,
    started_at: datetime,
    schedule: RetrySchedule,
    retry_4xx: frozenset[int],
    is_test: bool,
) -> Delivered | Failed:
    """Return the result of one request.

    Args:
        answer: the answer or failure.
        number: the attempt's number.
        started_at: when the request began.
        schedule: the webhook's retry schedule.
        retry_4xx: the 4xx codes that are retried.
        is_test: a test event gets only one attempt.
    """
    record = _record(answer, number, started_at)
    if isinstance(answer, HttpAnswer) and 200 <= answer.status < 300:
        return Delivered(attempt=record)
    final = DeadReason.TEST_FAILED if is_test else _final(answer, retry_4xx)
    return Failed(
        attempt=record,
        schedule=schedule,
        final=final,
        retry_after=retry_after_seconds(answer.retry_after, datetime.now(UTC))
        if isinstance(answer, HttpAnswer)
        else None,
    )


def _final(answer: HttpAnswer | HttpFailure, retry_4xx: frozenset[int]) -> DeadReason | None:
    """Return why no retry can help, or None if one may."""
    if isinstance(answer, HttpFailure):
        refused = {ErrorClass.REFUSED_BY_POLICY, ErrorClass.INVALID_REQUEST}
        return DeadReason.URL_REFUSED if answer.error_class in refused else None
    if answer.status == 410:
        return DeadReason.GONE
    if 400 <= answer.status < 500 and answer.status not in retry_4xx:
        return DeadReason.HTTP_4XX
    return None


def _record(answer: HttpAnswer | HttpFailure, number: int, started_at: datetime) -> Attempt:
    duration_ms = round(answer.duration * 1000)
    if isinstance(answer, HttpFailure):
        return Attempt(
            number=number,
            started_at=started_at,
            duration_ms=duration_ms,
            error=answer.error_class.value,
            detail=answer.detail,
        )
    succeeded = 200 <= answer.status < 300
    return Attempt(
        number=number,
        started_at=started_at,
        duration_ms=duration_ms,
        status=answer.status,
        error=None if succeeded else f"http_{answer.status}",
        detail="" if succeeded else f"The receiver answered {answer.status}.",
        excerpt=displayable(answer.excerpt),
    )


def displayable(excerpt: bytes) -> str:
    """Return text that is safe to show: no control, bidirectional or invalid characters."""
    if not excerpt:
        return ""
    return _BIDI.sub("�", _UNSAFE.sub("�", excerpt.decode(errors="replace")))


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Return the wait that a `Retry-After` header asks for (RFC 9110, section 10.2.3); None without a valid one."""
    if value is None:
        return None
    if value.isascii() and value.strip().isdigit():
        return float(value.strip()[:10])
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max((at - now).total_seconds(), 0.0)
