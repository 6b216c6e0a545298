"""The catalogue of metrics: documented completely, and without a label that the outside world can make grow."""

from pathlib import Path

from prometheus_client import REGISTRY

from shared.telemetry.markdown import metrics_markdown
from shared.telemetry.metrics import CATALOGUE, PREFIX

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
LABELS = {"channel", "check", "method", "outcome", "queue", "reason", "route", "rung", "server", "service", "status"}


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == metrics_markdown(), "run: python -m shared.telemetry > docs/metrics.md"


def test_every_metric_is_documented() -> None:
    page = PAGE.read_text()
    for entry in CATALOGUE:
        assert f"| `{entry.name}` | {entry.kind} |" in page
        assert entry.meaning in page


def test_every_metric_of_ours_is_in_the_catalogue() -> None:
    exposed = {family.name for family in REGISTRY.collect() if family.name.startswith(PREFIX)}
    assert exposed == {entry.name.removesuffix("_total") for entry in CATALOGUE}


def test_no_label_is_outside_the_allowed_ones() -> None:
    assert {label for entry in CATALOGUE for label in entry.labels} == LABELS


def test_durations_are_in_seconds_and_counters_say_so() -> None:
    for entry in CATALOGUE:
        assert entry.name.endswith("_total") == (entry.kind == "counter"), entry.name
        assert (entry.kind == "histogram") <= entry.name.endswith("_seconds"), entry.name
