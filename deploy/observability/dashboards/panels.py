"""Grafana's dashboards as data, and how that becomes the JSON that Grafana reads; nothing here knows a metric."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
_WIDTH: Final = 24
_SCHEMA_VERSION: Final = 39  # of Grafana 11; newer ones migrate it as they load it

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Lines over time. `queries` maps what the legend says (with {{label}}) to the expression."""

    title: str
    queries: Mapping[str, str]
    meaning: str = ""
    unit: str = "short"
    stacked: bool = False
    width: int = 8
    height: int = 8

    def json(self) -> Json:
        """The panel, without its place."""
        custom: Json = {"fillOpacity": 20 if self.stacked else 0, "showPoints": "never"}
        if self.stacked:
            custom["stacking"] = {"mode": "normal", "group": "A"}
        options = {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
        return _panel(self, "timeseries", {"unit": self.unit, "min": 0, "custom": custom}, options)


@dataclass(frozen=True, kw_only=True)
class Number:
    """The latest value, large; orange from `warn` on, red from `bad` on."""

    title: str
    queries: Mapping[str, str]
    meaning: str = ""
    unit: str = "short"
    warn: float | None = None
    bad: float | None = None
    width: int = 4
    height: int = 4

    def json(self) -> Json:
        """The panel, without its place."""
        steps: list[Json] = [{"color": "green", "value": None}]
        steps += [
            {"color": color, "value": limit}
            for color, limit in (("orange", self.warn), ("red", self.bad))
            if limit is not None
        ]
        thresholds = {"mode": "absolute", "steps": steps}
        options = {"colorMode": "value", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}}
        return _panel(self, "stat", {"unit": self.unit, "thresholds": thresholds}, options)


@dataclass(frozen=True, kw_only=True)
class Text:
    """A few words (Markdown) to read beside the graphs."""

    title: str
    content: str
    width: int = 8
    height: int = 8

    def json(self) -> Json:
        """The panel, without its place."""
        return {"type": "text", "title": self.title, "options": {"mode": "markdown", "content": self.content}}


Panel = Graph | Number | Text


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A page: rows of panels, each row with a heading."""

    name: str
    title: str
    meaning: str
    rows: Mapping[str, Sequence[Panel]]

    def json(self) -> Json:
        """What Grafana reads."""
        return {
            "uid": f"signalpost-{self.name}",
            "title": self.title,
            "description": self.meaning,
            "tags": ["signalpost"],
            "schemaVersion": _SCHEMA_VERSION,
            "editable": False,
            "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"},
            "timezone": "utc",
            "graphTooltip": 1,  # one crosshair over all graphs
            "links": [{"type": "dashboards", "title": "Signalpost", "tags": ["signalpost"], "keepTime": True}],
            "panels": [{"id": number, **panel} for number, panel in enumerate(self._placed(), start=1)],
        }

    def _placed(self) -> Iterator[Json]:
        top = 0
        for heading, panels in self.rows.items():
            yield {"type": "row", "title": heading, "collapsed": False, "gridPos": _place(0, top, _WIDTH, 1)}
            left, top, lowest = 0, top + 1, top + 1
            for panel in panels:
                if left + panel.width > _WIDTH:
                    left, top = 0, lowest
                yield {**panel.json(), "gridPos": _place(left, top, panel.width, panel.height)}
                left, lowest = left + panel.width, max(lowest, top + panel.height)
            top = lowest


def _place(left: int, top: int, width: int, height: int) -> Json:
    return {"x": left, "y": top, "w": width, "h": height}


def _panel(panel: Graph | Number, kind: str, defaults: Json, options: Json) -> Json:
    return {
        "type": kind,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
            for number, (legend, expression) in enumerate(panel.queries.items())
        ],
    }
