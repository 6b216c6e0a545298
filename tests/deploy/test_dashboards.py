"""Grafana's dashboards: their files are current, every expression is valid, and every metric exists."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.observability.dashboards.__main__ import DASHBOARDS, FOLDER, text
from deploy.observability.dashboards.panels import Dashboard, Graph, Number
from tests.deploy.promql import mistakes
from tests.support.programs import program

PROVISIONING = FOLDER.parent / "provisioning"

each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=[page.name for page in DASHBOARDS])


def queries(*dashboards: Dashboard) -> Iterator[str]:
    """Every expression, with a value for what Grafana fills in."""
    for panel in (panel for page in dashboards for row in page.rows.values() for panel in row):
        if isinstance(panel, Graph | Number):
            yield from (query.replace("$__rate_interval", "5m") for query in panel.queries.values())


@each_dashboard
def test_a_file_is_current(dashboard: Dashboard) -> None:
    file = FOLDER / f"{dashboard.name}.json"
    assert file.read_text() == text(dashboard), "renew it: python -m deploy.observability.dashboards"


def test_no_file_is_left_over() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == {page.name for page in DASHBOARDS}


def test_every_expression_is_valid(tmp_path: Path) -> None:
    rules = [{"record": f"tried:{number}", "expr": query} for number, query in enumerate(queries(*DASHBOARDS))]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "tried", "rules": rules}]}))
    promtool = program("promtool", package="prometheus")
    done = subprocess.run(
        [promtool, "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@each_dashboard
def test_a_dashboard_asks_for_what_exists(dashboard: Dashboard) -> None:
    assert [mistake for query in queries(dashboard) for mistake in mistakes(query)] == []


@each_dashboard
def test_no_panel_covers_another_or_says_nothing(dashboard: Dashboard) -> None:
    covered: set[tuple[int, int]] = set()
    panels: list[dict[str, Any]] = dashboard.json()["panels"]
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not covered & cells, panel["title"]
        covered |= cells
        assert panel["title"]
        assert panel["type"] in {"row", "text"} or panel["targets"]


def test_grafana_is_told_where_the_dashboards_and_their_data_are() -> None:
    [source] = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text())["datasources"]
    panels = [panel for page in DASHBOARDS for panel in page.json()["panels"] if "datasource" in panel]
    assert all(panel["datasource"] == {"type": source["type"], "uid": source["uid"]} for panel in panels)
    compose = yaml.safe_load((FOLDER.parents[2] / "compose.yaml").read_text())["services"]
    [provider] = yaml.safe_load((PROVISIONING / "dashboards" / "signalpost.yaml").read_text())["providers"]
    assert f"./observability/grafana/dashboards:{provider['options']['path']}:ro" in compose["grafana"]["volumes"]
    home = compose["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (FOLDER / Path(home).name).exists()
    assert source["url"].partition("://")[2].partition(":")[0] in compose
