"""Our histogram exposes exactly what prometheus_client's own would."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client import Histogram as TheirHistogram

from shared.telemetry.histogram import Histogram

BUCKETS = (0.005, 0.1, 1, 30)
NAME, MEANING, LABELS = "tests_duration_seconds", "How long it took.", ("channel", "status")


@pytest.fixture
def ours() -> Iterator[Histogram]:
    histogram = Histogram(NAME, MEANING, LABELS, buckets=BUCKETS)
    yield histogram
    REGISTRY.unregister(histogram)


def exposed(histogram: Histogram | TheirHistogram) -> str:
    registry = CollectorRegistry()
    registry.register(histogram)
    return generate_latest(registry).decode()


@given(st.lists(st.sampled_from([0, 0.004, 0.005, 0.0051, 0.1, 0.5, 1.0, 29.9, 30, 31, 1e9])))
def test_it_exposes_what_the_librarys_own_does(values: list[float]) -> None:
    ours = Histogram(NAME, MEANING, LABELS, buckets=BUCKETS)
    theirs = TheirHistogram(NAME, MEANING, LABELS, buckets=BUCKETS, registry=None)
    try:
        for histogram in (ours, theirs):
            histogram.labels("email", 250)
            for value in values:
                histogram.labels("webhook", 200).observe(value)
        assert exposed(ours) == exposed(theirs)
    finally:
        REGISTRY.unregister(ours)


def test_two_of_one_name_are_refused(ours: Histogram) -> None:
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        Histogram(NAME, MEANING, LABELS, buckets=BUCKETS)
