"""Makes variables safe before a template uses them.

After `clean` a value has no control characters, a URL is http(s) or empty, and only `data` spans lines. The renderer
escapes for HTML, because text parts must not be escaped.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from shared.mail.kinds import FALLBACKS, TIME_VARIABLES, URL_VARIABLES, VARIABLES, MailKind

DATA_LIMIT = 20_000
"""Characters of event data shown in a mail; Gmail clips messages above about 100 KB. The API shows all of it."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters, including every line end of str.splitlines()."""

_SPACE = re.compile(r"\s+")
_URL = re.compile(r"https?://[^\s\x00-\x20\x7f]+", re.IGNORECASE)


def clean(kind: MailKind, variables: Mapping[str, object]) -> dict[str, str]:
    """Return every variable of the kind as safe text; missing or unusable values get their fallback or are empty."""
    return {name: _clean_one(name, variables.get(name)) or FALLBACKS.get(name, "") for name in VARIABLES[kind]}


def one_line(text: str) -> str:
    """Return the text on one line: control characters and runs of white space become one space each."""
    return _SPACE.sub(" ", CONTROL.sub(" ", text)).strip()


def _clean_one(name: str, value: object) -> str:
    text = _encodable(_as_text(value))
    if name == "data":
        lines = text.replace("\t", "    ").splitlines()
        text = "\n".join(CONTROL.sub(" ", line) for line in lines)
        return text if len(text) <= DATA_LIMIT else f"{text[:DATA_LIMIT]}\n… (shortened)"
    text = one_line(text)
    if name in URL_VARIABLES:
        return text if _URL.fullmatch(text) else ""
    return _for_people(text) if name in TIME_VARIABLES else text


def _as_text(value: object) -> str:
    """Return text unchanged, and encoded JSON only indented, so that no number in it changes."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | msgspec.Raw):
        return msgspec.json.format(bytes(value), indent=2).decode()
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _encodable(text: str) -> str:
    """Replace half a surrogate pair, which is legal in JSON but not in UTF-8, by a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _for_people(text: str) -> str:
    if "T" not in text:
        return text  # a date alone reads well already
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment.tzinfo else text
