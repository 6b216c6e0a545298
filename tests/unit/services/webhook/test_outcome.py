"""What a receiver's answer means: delivered, to be retried, or dead and why."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhook.outcome import classify, displayable, retry_after_seconds
from shared.delivery.result import Delivered, Failed
from shared.model.reasons import DeadReason
from shared.model.retry import RetrySchedule
from shared.outbound.answer import ErrorClass, HttpAnswer, HttpFailure
from tests.support.values import NOON


def outcome(
    answer: HttpAnswer | HttpFailure,
    *,
    retry_4xx: frozenset[int] = frozenset(),
    is_test: bool = False,
) -> Delivered | Failed:
    return classify(
        answer,
        number=1,
        started_at=NOON,
        schedule=RetrySchedule((1.0,)),
        retry_4xx=retry_4xx,
        is_test=is_test,
    )


def answered(status: int, retry_after: str | None = None, excerpt: bytes = b"") -> HttpAnswer:
    return HttpAnswer(status=status, retry_after=retry_after, excerpt=excerpt, duration=0.0204)


def no_answer(error: ErrorClass) -> HttpFailure:
    return HttpFailure(error_class=error, detail=error.sentence, duration=1)


def final_reason(answer: HttpAnswer | HttpFailure, retry_4xx: frozenset[int] = frozenset()) -> DeadReason | None:
    failed = outcome(answer, retry_4xx=retry_4xx)
    assert isinstance(failed, Failed)
    return failed.final


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_delivered(status: int) -> None:
    delivered = outcome(answered(status))
    assert isinstance(delivered, Delivered)
    assert (delivered.attempt.status, delivered.attempt.error, delivered.attempt.duration_ms) == (status, None, 20)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304])
def test_a_redirect_is_a_failure(status: int) -> None:
    assert isinstance(outcome(answered(status)), Failed)


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 599])
def test_a_5xx_is_retried(status: int) -> None:
    assert final_reason(answered(status)) is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 418, 422, 425, 429, 451, 499])
def test_a_4xx_is_not_retried(status: int) -> None:
    assert final_reason(answered(status, retry_after="1")) is DeadReason.HTTP_4XX


def test_a_4xx_that_the_operator_opted_in_is_retried_and_no_other() -> None:
    assert final_reason(answered(429), frozenset({408, 429})) is None
    assert final_reason(answered(404), frozenset({408, 429})) is DeadReason.HTTP_4XX


def test_gone_is_gone_even_when_opted_in() -> None:
    assert final_reason(answered(410), frozenset({410})) is DeadReason.GONE


@pytest.mark.parametrize(
    "error",
    [ErrorClass.DNS, ErrorClass.CONNECT, ErrorClass.TLS, ErrorClass.TIMEOUT, ErrorClass.RESET, ErrorClass.PROTOCOL],
)
def test_a_failing_network_is_retried(error: ErrorClass) -> None:
    assert final_reason(no_answer(error)) is None


def test_a_refused_address_is_not_retried() -> None:
    assert final_reason(no_answer(ErrorClass.REFUSED_BY_POLICY)) is DeadReason.URL_REFUSED


@pytest.mark.parametrize("answer", [answered(500), answered(404), answered(410), no_answer(ErrorClass.TIMEOUT)])
def test_a_test_event_has_one_attempt(answer: HttpAnswer | HttpFailure) -> None:
    failed = outcome(answer, is_test=True)
    assert isinstance(failed, Failed)
    assert failed.final is DeadReason.TEST_FAILED


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *(("120", 120), (" 7 ", 7), ("0", 0)),
        *(("Sat, 21 Nov 2026 12:01:00 GMT", 60), ("Saturday, 21-Nov-26 12:01:00 GMT", 60)),
        *(("Sat Nov 21 12:01:00 2026", 60), ("Sat, 21 Nov 2026 11:00:00 GMT", 0)),
        *((None, None), ("", None), ("soon", None), ("1.5", None), ("-1", None), ("1e3", None), ("\u0663", None)),
        *(("Sat, 32 Nov 2026 12:01:00 GMT", None), ("Sat, 21 Nov 99999 12:01:00 GMT", None)),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_nothing_else(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOON) == seconds


@given(st.one_of(st.text(), st.text("0123456789"), st.text(" ,:+-09GMTSatNov")))
def test_no_retry_after_of_any_receiver_is_an_error_of_ours(value: str) -> None:
    seconds = retry_after_seconds(value, NOON)
    assert seconds is None or seconds >= 0


def test_a_retry_after_date_is_measured_from_now() -> None:
    at = datetime.now(UTC) + timedelta(seconds=100)
    failed = outcome(answered(503, retry_after=at.strftime("%a, %d %b %Y %H:%M:%S GMT")))
    assert isinstance(failed, Failed)
    assert failed.retry_after == pytest.approx(100, abs=5)


def test_an_excerpt_is_safe_to_show() -> None:
    assert displayable(b"ok\n\xc3\xbc") == "ok\nü"
    shown = displayable(b"\x1b[31mred\x00\xff\xe2\x80\xae" + "\x85".encode())
    assert not {"\x1b", "\x00", "\u202e", "\x85"} & set(shown)
