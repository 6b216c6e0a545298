"""Reads the receiver guide: its text, its code and its example request."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "receiving.md"
TEXT = PAGE.read_text(encoding="utf-8")

_SNIPPET = re.compile(r"^```\w+ (\S+\.\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"^```http\n(.*?)\n\n(.*?)\n```\n.*?`(whsec_[^`]+)`", re.MULTILINE | re.DOTALL)

SNIPPETS: dict[str, str] = dict(_SNIPPET.findall(TEXT))
"""The code by the file name that stands after the language."""


def example() -> tuple[dict[str, str], bytes, str]:
    """Return the headers, the body and the secret of the request that the page shows."""
    found = _EXAMPLE.search(TEXT)
    assert found is not None, "the page shows no request"
    lines = found[1].splitlines()[1:]
    return dict(line.split(": ", 1) for line in lines), found[2].encode(), found[3]
