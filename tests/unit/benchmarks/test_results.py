"""What is made of measured values: figures, the table, the page and its plots. Nothing is measured here."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.figures import Measured, Plot, figure
from benchmarks.page import Report, with_block
from benchmarks.svg import draw

PLOT = Plot(name="p", title="<title>", kind="bars", y="ms", series={"a & b": [("x", 2.0)], "": [("y", 1.0)]})


def report(folder: Path) -> Report:
    return Report(results=folder / "results.json", page=folder / "performance.md")


def test_the_ratio_is_the_median_of_the_ratios_of_each_repeat() -> None:
    result = figure("s", "f", [10, 30, 20], "ms", references=[10, 10, 20])
    assert (result.value, result.reference, result.ratio) == (20, 10, 1.0)


@pytest.mark.parametrize(
    ("goal", "met"),
    [("value >= 20", True), ("value <= 19", False), ("ratio >= 2", True), ("ratio <= 1.9", False), (None, None)],
)
def test_a_goal_compares_the_value_or_the_ratio(goal: str | None, met: bool | None) -> None:
    assert figure("s", "f", [20], "ms", references=[10], goal=goal).met is met


def test_a_goal_for_a_ratio_needs_a_reference() -> None:
    with pytest.raises(ValueError, match="needs a reference"):
        figure("s", "f", [20], "ms", goal="ratio >= 2")


def test_a_block_is_filled_anew_and_the_prose_around_it_stays() -> None:
    page = with_block(with_block("# Title\n", "latency", "old"), "other", "theirs")
    page = page.replace("<!-- end of latency -->", "<!-- end of latency -->\n\nBy hand.")
    again = with_block(page, "latency", r"new \1")
    assert again == page.replace("old", r"new \1")
    assert "By hand." in again


def test_measuring_one_scenario_again_keeps_the_results_of_the_others(tmp_path: Path) -> None:
    target = report(tmp_path)
    target.write({"a": Measured([figure("a", "f", [1], "ms")]), "b": Measured([figure("b", "f", [1], "ms")])}, ["m"])
    target.write({"a": Measured([figure("a", "f", [2], "ms")], [PLOT])}, ["m"])
    values = {entry["scenario"]: entry["value"] for entry in json.loads(target.results.read_text())}
    assert values == {"a": 2, "b": 1}
    assert (tmp_path / "performance" / "p.svg").exists()
    assert "(performance/p.svg)" in target.page.read_text()


def test_an_entry_of_the_results_has_the_agreed_fields(tmp_path: Path) -> None:
    target = report(tmp_path)
    target.write({"a": Measured([figure("a", "f", [1], "ms")])}, [])
    [entry] = json.loads(target.results.read_text())
    assert list(entry) == ["scenario", "figure", "value", "unit", "reference", "ratio", "goal", "met"]


@pytest.mark.parametrize("kind", ["bars", "stacked", "lines"])
def test_a_plot_is_well_formed_whatever_its_names_are(kind: str) -> None:
    series = {"a & b": [(1.0, 2.0), (2.0, 0.0)], "<c>": [(1.0, 0.5)]}
    plot = Plot(name="p", title="<title>", kind=kind, x="&", y="<ms>", series=series)  # type: ignore[arg-type]
    texts = [element.text for element in ET.fromstring(draw(plot)).iter() if element.text]  # noqa: S314 - our own
    assert {"<title>", "a & b", "<c>", "<ms>"} <= set(texts)
