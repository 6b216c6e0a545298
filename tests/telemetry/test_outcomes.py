"""Every error class that an attempt can have is sorted into one of the metric's outcomes."""

import pytest

from shared.model.delivery import Attempt
from shared.outbound.answer import ErrorClass
from shared.telemetry.attempts import attempt_outcome
from shared.telemetry.metrics import ATTEMPT_OUTCOMES
from tests.support.values import NOON


def outcome(error: str | None, status: int | None = None) -> str:
    return attempt_outcome(Attempt(number=1, started_at=NOON, duration_ms=1, error=error, status=status))


@pytest.mark.parametrize("error", [*ErrorClass, "smtp_4xx", "smtp_rejected", "disconnected", "protocol_error"])
def test_no_known_error_is_other(error: str) -> None:
    assert outcome(str(error)) in set(ATTEMPT_OUTCOMES) - {"other", "success"}


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        (301, "http_3xx"),
        (404, "http_4xx"),
        (410, "http_4xx"),
        (503, "http_5xx"),
        (101, "http_other"),
        (999, "http_other"),
    ],
)
def test_statuses_are_sorted_by_their_hundreds(status: int, wanted: str) -> None:
    assert outcome(f"http_{status}", status) == wanted


def test_an_attempt_without_an_error_is_a_success() -> None:
    assert outcome(None, 204) == "success"


def test_what_a_newer_version_may_report_is_other() -> None:
    assert outcome("never_heard_of") == "other"
