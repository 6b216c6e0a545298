"""Writes what was measured into the performance page, and the plots beside it; the prose around stays.

Each scenario has a block between two comments, the machine has one too. A block is replaced when its scenario was
run, and added at the end of the page when it is not there yet; so a single scenario can be measured again.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import HEADINGS, Figure, Measured, rows
from benchmarks.svg import draw

_TITLE = "# Performance\n"


@dataclass(frozen=True)
class Report:
    """Where results go: the JSON file, the page, and the folder for its plots, named like the page."""

    results: Path
    page: Path

    def write(self, measured: Mapping[str, Measured], machine: Sequence[str]) -> None:
        """Write the results of the scenarios that were run, by name, and keep those of the others."""
        self.results.parent.mkdir(parents=True, exist_ok=True)
        self._write_results(measured)
        folder = self.page.with_suffix("")
        folder.mkdir(parents=True, exist_ok=True)
        text = self.page.read_text() if self.page.exists() else _TITLE
        text = with_block(text, "machine", "\n".join(f"- {line}" for line in machine))
        for name, result in measured.items():
            for plot in result.plots:
                (folder / f"{plot.name}.svg").write_text(draw(plot))
            pictures = [f"![{plot.title}]({folder.name}/{plot.name}.svg)" for plot in result.plots]
            text = with_block(text, name, "\n\n".join([markdown_table(result.figures), *pictures]))
        self.page.write_text(text)

    def _write_results(self, measured: Mapping[str, Measured]) -> None:
        before = json.loads(self.results.read_text()) if self.results.exists() else []
        kept = [entry for entry in before if entry["scenario"] not in measured]
        new = [figure.document() for result in measured.values() for figure in result.figures]
        self.results.write_text(json.dumps(kept + new, indent=1, ensure_ascii=False) + "\n")


def with_block(text: str, name: str, content: str) -> str:
    """Return the page with the block of that name filled anew."""
    begin, end = f"<!-- measured: {name} -->", f"<!-- end of {name} -->"
    block = f"{begin}\n\n{content}\n\n{end}"
    if begin not in text:
        return f"{text.rstrip()}\n\n## {name.replace('_', ' ').capitalize()}\n\n{block}\n"
    return re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: block, text, flags=re.DOTALL)


def markdown_table(figures: Sequence[Figure]) -> str:
    """Return the figures of one scenario as a Markdown table, without the columns that nobody fills."""
    cells = [HEADINGS, *rows(figures)]
    filled = [
        column
        for column in range(1, len(HEADINGS))  # the first is the scenario's name
        if any(row[column] for row in cells[1:])
    ]
    numeric = {"value", "reference", "ratio"}
    ruler = ["--:" if HEADINGS[column] in numeric else "---" for column in filled]
    lines = [[row[column] for column in filled] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], ruler, *lines[1:]])
