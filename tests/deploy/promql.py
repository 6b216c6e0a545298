"""Reads PromQL as far as our own alerts and dashboards use it: which metrics it names, with which labels and values.

Whether an expression is valid at all is promtool's to say.
"""

import re

from shared.model.topology import topology
from shared.telemetry.metrics import CATALOGUE, Entry

_GROUPING = r"by|without|on|ignoring|group_left|group_right"
_WORDS = {"and", "or", "unless", "bool", "offset", *_GROUPING.split("|")}
_FROM_PROMETHEUS = {"job", "instance", "le"}
_QUEUES = tuple(queue.name for queue in topology().queues)


def metrics(expression: str) -> set[str]:
    """Every metric that an expression names."""
    bare = re.sub(r'"[^"]*"', "", expression)  # first: text may hold braces
    bare = re.sub(rf"\{{[^}}]*\}}|\[[^\]]*\]|\b(?:{_GROUPING})\s*\([^)]*\)", "", bare)
    return set(re.findall(r"(?<![\w$.])[a-zA-Z_:][\w:]*\b(?!\s*\()", bare)) - _WORDS


def mistakes(expression: str) -> list[str]:
    """What an expression asks of our metrics, or of queues, that is not there."""
    entries = exposed()
    wrong = [name for name in metrics(expression) if name.startswith("signalpost") and name not in entries]
    for metric, selector in re.findall(r"([\w:]+)\{([^}]*)\}", expression):
        for label, operator, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', selector):
            if not _exists(entries.get(metric), label, value, is_pattern="~" in operator):
                wrong.append(f"{metric}{{{label}{operator}{value!r}}}")
    return wrong


def exposed() -> dict[str, Entry]:
    """The series that our processes expose of the catalogue."""
    return {
        entry.name + suffix: entry
        for entry in CATALOGUE
        for suffix in (("_bucket", "_sum", "_count") if entry.kind == "histogram" else ("",))
    }


def _exists(entry: Entry | None, label: str, value: str, *, is_pattern: bool) -> bool:
    """Whether a metric has the label, and every alternative of the value may occur."""
    if entry and label not in {*entry.labels, *_FROM_PROMETHEUS}:
        return False
    known = _QUEUES if label == "queue" else entry.labels.get(label, ()) if entry else ()
    if not known or value.startswith("$"):  # a variable of a dashboard
        return True
    wanted = value.split("|") if is_pattern else [re.escape(value)]
    return all(any(re.fullmatch(one, real) for real in known) for one in wanted)
