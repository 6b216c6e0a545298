"""What a benchmark found: figures with their reference and goal, and plots. Pure: nothing is measured here.

An absolute number says something about one machine on one day; so a figure carries, wherever there is one, the
reference that was measured in the same run, alternating with it, and the ratio of the two.
"""

import operator
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

_COMPARISONS = {">=": operator.ge, "<=": operator.le}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the results; the fields are those of `results.json`."""

    scenario: str
    figure: str
    value: float
    unit: str
    reference: float | None = None
    """What the value is compared with, in the same unit, from the same run."""
    ratio: float | None = None
    """Value by reference: the median of the repeats' ratios, not the ratio of the medians."""
    goal: str | None = None
    """`ratio >= 0.6` or `value <= 15`: what is compared, and with what."""
    met: bool | None = None

    def document(self) -> dict[str, object]:
        """Return the entry for `results.json`."""
        return {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(self).items()}


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A picture for the page: bars or stacked bars over names, or lines over numbers."""

    name: str
    """The file's name, without its ending."""
    title: str
    kind: Literal["bars", "stacked", "lines"]
    x: str = ""
    """What the horizontal axis shows."""
    y: str
    """What the vertical axis shows, with its unit."""
    series: dict[str, Sequence[tuple[str | float, float]]]
    """Points by the name of their series: the name of a bar or the position on the x axis, and the height."""


@dataclass(frozen=True)
class Measured:
    """What one scenario found."""

    figures: Sequence[Figure]
    plots: Sequence[Plot] = field(default_factory=tuple)


def figure(
    scenario: str,
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    references: Sequence[float] = (),
    goal: str | None = None,
) -> Figure:
    """Return the figure for the values of all repeats: medians, and whether the goal is met.

    Args:
        scenario: the scenario's name.
        name: what was measured.
        values: one for each repeat.
        unit: of the values.
        references: one for each repeat, measured next to the value at the same position; or none.
        goal: `ratio >= 0.6` or `value <= 15`.
    """
    value = statistics.median(values)
    reference = statistics.median(references) if references else None
    ratio = statistics.median(v / r for v, r in zip(values, references, strict=True)) if references else None
    return Figure(
        scenario=scenario,
        figure=name,
        value=value,
        unit=unit,
        reference=reference,
        ratio=ratio,
        goal=goal,
        met=None if goal is None else _meets(goal, value=value, ratio=ratio),
    )


def _meets(goal: str, *, value: float, ratio: float | None) -> bool:
    subject, comparison, bound = goal.split()
    measured = {"value": value, "ratio": ratio}[subject]
    if measured is None:
        raise ValueError(f"the goal {goal!r} needs a reference")
    return bool(_COMPARISONS[comparison](measured, float(bound)))


HEADINGS = ("scenario", "figure", "value", "unit", "reference", "ratio", "goal", "met")


def rows(figures: Iterable[Figure]) -> list[tuple[str, ...]]:
    """Return the figures as the cells of a table under `HEADINGS`."""
    return [
        (
            item.scenario,
            item.figure,
            number(item.value),
            item.unit,
            number(item.reference),
            "" if item.ratio is None else f"{item.ratio:.2f}",
            item.goal or "",
            {None: "", True: "yes", False: "NO"}[item.met],
        )
        for item in figures
    ]


def number(value: float | None) -> str:
    """Write a number with three significant digits, and thousands in full."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def text_table(figures: Iterable[Figure]) -> str:
    """Return the figures as a table for a terminal."""
    cells = [HEADINGS, *rows(figures)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    right = {HEADINGS.index(name) for name in ("value", "reference", "ratio")}
    lines = (
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )
    return "\n".join(lines)
