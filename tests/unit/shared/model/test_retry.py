"""The retry policy keeps its promises for every schedule, and the delay steps for every wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.retry import (
    JITTER,
    MAX_RETRY_AFTER,
    MAX_SCHEDULE_STEPS,
    GiveUp,
    RetryIn,
    RetrySchedule,
    decide,
    longest_step,
    parse_duration,
)

DEFAULT = RetrySchedule.parse("1s,5s,25s")
DELAY_STEPS = (1.0, 5.0, 25.0, 120.0, 600.0, 3600.0)

waits = st.floats(0, MAX_RETRY_AFTER)
schedules = st.lists(waits, max_size=8).map(lambda parts: RetrySchedule(tuple(parts)))
shares = st.floats(0, 1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("2m", 120), ("10", 10), ("1.5h", 5400), ("250ms", 0.25), (" 1d ", 86_400), ("0.1s", 0.1)],
)
def test_a_duration_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", " ", "s", "-1s", "1e3", "nan", "inf", "1 s", "10S", "1s2s", "1,5s", "0x10", ".5s", "1.s", "1w", "1s;"],
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 10s or 2m"):
        parse_duration(text)


def test_the_default_schedule_allows_four_attempts() -> None:
    assert [DEFAULT.wait_after(attempt) for attempt in (1, 2, 3, 4)] == [1, 5, 25, None]


def test_an_empty_schedule_allows_one_attempt() -> None:
    assert decide(RetrySchedule.parse(""), attempt=1, retry_after=None, jitter=0.5) == GiveUp()


def test_a_wait_beyond_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="24h"):
        RetrySchedule.parse("1s,24.1h")


def test_a_schedule_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match=str(MAX_SCHEDULE_STEPS)):
        RetrySchedule.parse(",".join(["1s"] * (MAX_SCHEDULE_STEPS + 1)))


@given(schedules, st.integers(1, 12), st.one_of(st.none(), st.floats(0, 1e12)), shares)
def test_there_is_one_attempt_more_than_waits_whatever_the_receiver_asks(
    schedule: RetrySchedule, attempt: int, retry_after: float | None, jitter: float
) -> None:
    decision = decide(schedule, attempt=attempt, retry_after=retry_after, jitter=jitter)
    assert isinstance(decision, GiveUp) == (attempt > len(schedule.waits))


@given(waits, shares)
def test_a_wait_is_never_shortened_and_at_most_a_fifth_longer(wait: float, jitter: float) -> None:
    decision = decide(RetrySchedule((wait,)), attempt=1, retry_after=None, jitter=jitter)
    assert isinstance(decision, RetryIn)
    assert wait <= decision.seconds <= wait * (1 + JITTER)


@given(waits, st.floats(0, 1e12), shares)
def test_retry_after_only_lengthens_and_never_beyond_a_day(wait: float, asked: float, jitter: float) -> None:
    without = decide(RetrySchedule((wait,)), attempt=1, retry_after=None, jitter=jitter)
    decision = decide(RetrySchedule((wait,)), attempt=1, retry_after=asked, jitter=jitter)
    assert isinstance(without, RetryIn)
    assert isinstance(decision, RetryIn)
    assert decision.seconds == max(without.seconds, min(asked, MAX_RETRY_AFTER))


@pytest.mark.parametrize(
    ("remaining", "step"),
    [
        (-5, None),
        (0, None),
        (0.999, None),
        (1, 1),
        (4.999, 1),
        (5, 5),
        (7.3, 5),
        (3599, 600),
        (3600, 3600),
        (1e9, 3600),
    ],
)
def test_a_wait_takes_the_longest_step_that_fits(remaining: float, step: float | None) -> None:
    assert longest_step(remaining, DELAY_STEPS) == step


@given(st.floats(0, MAX_RETRY_AFTER))
def test_walking_down_the_delay_steps_never_oversleeps_and_leaves_less_than_a_second(wait: float) -> None:
    slept = 0.0
    while (step := longest_step(wait - slept, DELAY_STEPS)) is not None:
        slept += step
    assert 0 <= wait - slept < 1
