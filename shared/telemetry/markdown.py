"""Writes the page about the metrics (`docs/metrics.md`) from their catalogue."""

from typing import Final

from shared.telemetry.metrics import CATALOGUE, Entry

_INTRODUCTION: Final = """\
# Metrics

Generated from `shared/telemetry/metrics.py` (`python -m shared.telemetry > docs/metrics.md`). Every process answers
`/metrics` on `HEALTH_PORT` in Prometheus' text format. Each process counts only its own work, so sum over the
processes. Counters begin at 0 when a process starts. A histogram is exposed as `_bucket`, `_sum` and `_count`.

No label holds an id, a URL, a tenant or an event type; search for those in the logs and traces
([telemetry.md](telemetry.md)).
"""
_OF_THE_CODE: Final = {
    "check": "`broker`, `database`, `mail_server`, `public_url`",
    "method": "the HTTP method, or `other`",
    "queue": "the name of a queue of ours",
    "route": "the route's template, or `unmatched`",
    "service": "`api`, `dispatcher`, `webhook`, `mailer`",
    "status": "the HTTP status",
}
"""The labels whose values are bounded by the code, and how."""


def metrics_markdown() -> str:
    """Return the page: all metrics, then each label's values.

    Raises:
        KeyError: a label without a list of values is not described here.
    """
    metrics = ["| metric | kind | labels | meaning |", "|---|---|---|---|", *map(_row, CATALOGUE)]
    labels = ["| metric | label | values |", "|---|---|---|", *(row for entry in CATALOGUE for row in _labels(entry))]
    return "\n".join([_INTRODUCTION, *metrics, "\n## Labels\n", *labels, ""])


def _row(entry: Entry) -> str:
    labels = ", ".join(f"`{name}`" for name in entry.labels)
    return f"| `{entry.name}` | {entry.kind} | {labels} | {entry.meaning} |"


def _labels(entry: Entry) -> list[str]:
    return [
        f"| `{entry.name}` | `{name}` | {', '.join(f'`{value}`' for value in values) or _OF_THE_CODE[name]} |"
        for name, values in entry.labels.items()
    ]
