"""The pages hold together: links and paths lead somewhere, the index is complete, decisions have one form."""

import re
from pathlib import Path

import pytest

from tests.support.pages import PAGES, ROOT, anchors, headings

DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
NAMING_PATHS = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", DOCS / "architecture.md", *DECISIONS]
"""The pages that lead through the files."""
FOLDERS = "benchmarks|clients|deploy|docs|examples|requirements|services|shared|tests"


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if not target.startswith(("https://", "http://")):
            path, _, anchor = target.partition("#")
            linked = page.parent / path if path else page
            assert linked.exists(), target
            assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("page", NAMING_PATHS, ids=name)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(rf"(?<![\w./…-])(?:{FOLDERS})/[\w./-]*\w", page.read_text()))
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_the_index_lists_every_page() -> None:
    linked = {path.partition("#")[0] for path in re.findall(r"\]\(([^)]+)\)", (DOCS / "README.md").read_text())}
    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} <= linked


def test_the_index_of_decisions_lists_each_under_its_heading() -> None:
    rows = re.findall(r"(?m)^\| \[(\d{4})\]\((\S+)\) \| (.+) \|$", (DOCS / "decisions" / "README.md").read_text())
    assert rows == [(page.name[:4], page.name, headings(page, "#")[0].partition(": ")[2]) for page in DECISIONS]


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_every_decision_has_the_same_form(page: Path) -> None:
    [title] = headings(page, "#")
    assert re.match(rf"{page.name[:4]}: [A-Z]", title)
    assert headings(page, "##") == ["Context", "Decision", "Consequences", "Alternatives"]
    decision = page.read_text().partition("## Decision\n\n")[2]
    assert re.match(r"\*[^*]+\.\*", decision), "a sentence in italics that can be quoted"
