"""docs/api.md lists every error code there is, and none that there is not."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SOURCES = [
    *(REPOSITORY / "services" / "api").rglob("*.py"),
    REPOSITORY / "shared" / "delivery" / "replay.py",
    REPOSITORY / "shared" / "process" / "http_server" / "limits.py",
]
IN_CODE = re.compile(
    r'(?:Problem\(\s*\d+,\s*|unauthorized\(\s*|unavailable\(\s*|code="|code = |\b\d{3}: |"(?:iss|aud)": |else )"?'
    r'([a-z]+_[a-z_]+)"'
)


def _codes_in_the_page() -> set[str]:
    page = (REPOSITORY / "docs" / "api.md").read_text()
    rows = re.findall(r"^\| \d{3} \| ([^|]+) \|", page, re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([a-z_]+)`", row)}


def _codes_in_the_code() -> set[str]:
    return {code for source in SOURCES for code in IN_CODE.findall(source.read_text())}


def test_the_page_lists_every_code() -> None:
    listed, used = _codes_in_the_page(), _codes_in_the_code()
    assert len(listed) > 30
    assert used - listed == set()


def test_the_page_lists_no_code_that_nothing_answers() -> None:
    text = "\n".join(source.read_text() for source in SOURCES)
    assert {code for code in _codes_in_the_page() if f'"{code}"' not in text} == set()
