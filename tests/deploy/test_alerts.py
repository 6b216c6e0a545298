"""The alerts: valid, each seen to fire and to stay silent, about metrics that exist, and with a way out."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy.promql import metrics, mistakes
from tests.support.pages import ROOT, anchors
from tests.support.programs import program

FOLDER = ROOT / "deploy" / "observability" / "prometheus"
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}
TRIALS = [
    trial for test in yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
    for trial in test["promql_expr_test"]
]  # fmt: skip

each_alert = pytest.mark.parametrize("name", RULES)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_is_content(arguments: tuple[str, ...]) -> None:
    promtool = program("promtool", package="prometheus")
    done = subprocess.run([promtool, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@each_alert
def test_an_alert_is_seen_to_fire_and_to_stay_silent(name: str) -> None:
    tried = [trial["exp_samples"] for trial in TRIALS if f'alertname="{name}", alertstate="firing"' in trial["expr"]]
    assert any(tried)
    assert [] in tried


@each_alert
def test_an_alert_asks_for_what_exists(name: str) -> None:
    assert mistakes(RULES[name]["expr"]) == []


@each_alert
def test_an_alert_says_how_bad_it_is_and_where_to_go_on(name: str) -> None:
    rule = RULES[name]
    assert rule["labels"] == {"severity": rule["labels"]["severity"]}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert anchor in anchors(ROOT / page)


@each_alert
def test_a_label_in_an_alerts_text_is_one_that_it_has_when_it_fires(name: str) -> None:
    [labels, *_] = [
        sample["labels"] for trial in TRIALS for sample in trial["exp_samples"] if f'"{name}"' in sample["labels"]
    ]
    used = set(re.findall(r"\$labels\.(\w+)", " ".join(RULES[name]["annotations"].values())))
    assert used <= set(re.findall(r"(\w+)=", labels))


def test_the_page_has_a_row_for_every_alert_and_for_no_other() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text()
    rows = re.findall(r"(?m)^\| `(\w+)` \| (\w+) \|", page)
    assert dict(rows) == {name: rule["labels"]["severity"] for name, rule in RULES.items()}


def test_every_label_matcher_is_looked_at() -> None:
    assert mistakes('signalpost_dead_letters_total{reason=~"gone|goon"}')
    assert mistakes('signalpost_dead_letters_total{tenant="a"}')
    assert mistakes('max by (queue) (rabbitmq_detailed_queue_consumers{queue="events.to_dispach"})')
    assert mistakes("sum(rate(signalpost_dead_letter_total[5m]))")
    assert metrics('sum by (le) (rate(a_total{b="c"}[5m])) / on (d) e_total offset 5m and f > 0') == {
        *("a_total", "e_total", "f")
    }
