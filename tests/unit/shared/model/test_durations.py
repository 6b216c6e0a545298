"""Waits as text, as the API shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.retry import duration_text, parse_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.5, "500ms"), (1, "1s"), (90, "90s"), (120, "2m"), (5400, "90m"), (3600, "1h"), (86_400, "24h")],
)
def test_a_wait_is_written_in_the_largest_unit_that_says_it_exactly(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@given(st.integers(min_value=0, max_value=86_400_000))
def test_what_is_written_reads_back_as_the_same_wait(milliseconds: int) -> None:
    assert round(parse_duration(duration_text(milliseconds / 1000)) * 1000) == milliseconds
