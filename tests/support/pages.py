"""The pages of the documentation, and what in them can be linked to."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", ".github/**/*.md", "docs/**/*.md", "clients/*/*.md", "examples/**/*.md")
    for page in ROOT.glob(pattern)
)


def anchors(page: Path) -> set[str]:
    """What a link to a heading of the page ends in, as GitHub makes it of the heading."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings(page)}


def headings(page: Path, level: str = "#+") -> list[str]:
    """The page's headings, without those in code; of every level, or of one ("##")."""
    prose = re.sub(r"(?ms)^```.*?^```$", "", page.read_text())
    return re.findall(rf"(?m)^{level} (.+)$", prose)
