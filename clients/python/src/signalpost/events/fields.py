"""The kinds of fields that events have: each is a JSON Schema (2020-12, as a plain dict) to annotate a field with.

Values that go into a mail must match a strict pattern. `format` stays an annotation, as in the standard, because an
event with an odd time is still worth delivering. Unknown fields are always allowed, because producers evolve.
"""

from typing import Final

from signalpost.event_type import JsonObject

# Patterns are ECMA 262 with the u flag, so that receivers' validators accept them too: no needless escapes.
_CONTROLS = r"\s\x00-\x1f\x7f-\x9f"
_LINK = rf'^https?://[^{_CONTROLS}<>"\\]+$'
# No controls (header injection), no separators of address lists, no display names: one bare address.
_ATOM = rf'[^{_CONTROLS}<>()\[\],;:@"\\]'
_MAIL = rf"^{_ATOM}{{1,64}}@{_ATOM}{{1,253}}$"

MAX_RECIPIENTS: Final = 100


def text(description: str, *, example: str | None = None) -> JsonObject:
    """Return the schema of a text for people."""
    examples = {} if example is None else {"examples": [example]}
    return {"type": "string", "description": description, **examples}


def ident(description: str) -> JsonObject:
    """Return the schema of an identifier: a text that is not empty."""
    return {"type": "string", "minLength": 1, "description": description}


def time(description: str) -> JsonObject:
    """Return the schema of a point in time, RFC 3339."""
    return {"type": "string", "format": "date-time", "description": description}


def choice(description: str, *options: str) -> JsonObject:
    """Return the schema of one of a few words."""
    return {"enum": [*options], "description": description}


def number(description: str) -> JsonObject:
    """Return the schema of a whole number that counts nothing."""
    return {"type": "integer", "description": description}


def names(description: str, *, each: str) -> JsonObject:
    """Return the schema of a list of texts."""
    return {"type": "array", "items": text(each), "description": description}


def count(description: str) -> JsonObject:
    """Return the schema of a number of things."""
    return {"type": "integer", "minimum": 0, "description": description}


def mail(description: str) -> JsonObject:
    """Return the schema of one bare mail address (RFC 5321 sizes), safe to put into a header."""
    return {"type": "string", "format": "email", "maxLength": 254, "pattern": _MAIL, "description": description}


def mails(description: str) -> JsonObject:
    """Return the schema of a list of mail addresses, each once."""
    return {
        "type": "array",
        "items": mail("Mail address."),
        "minItems": 1,
        "maxItems": MAX_RECIPIENTS,
        "uniqueItems": True,
        "description": description,
    }


def link(description: str) -> JsonObject:
    """Return the schema of an http(s) address that a person is sent to."""
    return {
        "type": "string",
        "format": "uri",
        "maxLength": 2048,
        "pattern": _LINK,
        "description": description,
    }


def bare_link(description: str) -> JsonObject:
    """Return the schema of an http(s) address that shows neither credentials nor a query."""
    return {
        "type": "string",
        "format": "uri",
        "pattern": r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        "description": description,
    }
