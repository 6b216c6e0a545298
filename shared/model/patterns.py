"""Subscription patterns: which event types a subscription wants.

A pattern is an exact type (`certificate.issued`), `segment.*` (one or more further segments) or `*`.
Matching works backwards: we list the few patterns that match a type, so finding the subscriptions of an event is
one equality look-up (`{"events": {"$in": patterns_matching(type)}}`). Pure: no I/O.
"""

from functools import lru_cache

from signalpost.event_type import MAX_TYPE_CHARS, MAX_TYPE_SEGMENTS, is_event_type

__all__ = [
    "MAX_TYPE_CHARS",
    "MAX_TYPE_SEGMENTS",
    "InvalidPattern",
    "is_event_type",
    "matches",
    "parse_pattern",
    "patterns_matching",
]

_EVERYTHING = "*"
_FURTHER = ".*"
_ALLOWED = (
    "allowed are an event type such as 'certificate.issued', a prefix such as 'signer.*' or 'billing.export.*' "
    "(one or more further segments), or '*'; a segment is made of a-z, 0-9 and _"
)


class InvalidPattern(ValueError):
    """The text is not a subscription pattern; the message quotes it and says what is allowed."""


def parse_pattern(text: str) -> str:
    """Return the pattern as it is stored: without the spaces around it.

    Raises:
        InvalidPattern: the text is not a valid pattern.
    """
    pattern = text.strip()
    # The prefix must leave room for a further segment, else the pattern could never match anything.
    prefix = pattern.removesuffix(_FURTHER)
    wanted = f"{prefix}.x" if prefix != pattern else pattern
    if pattern != _EVERYTHING and not is_event_type(wanted):
        raise InvalidPattern(f"{text[:MAX_TYPE_CHARS]!r} is not a pattern of event types: {_ALLOWED}")
    return pattern


@lru_cache(maxsize=4096)
def patterns_matching(event_type: str) -> tuple[str, ...]:
    """Return every pattern that matches this type, the most exact first: `a.b` gives `a.b`, `a.*`, `*`."""
    segments = event_type.split(".")
    prefixes = (".".join(segments[:count]) for count in range(len(segments) - 1, 0, -1))
    return (event_type, *(prefix + _FURTHER for prefix in prefixes), _EVERYTHING)


def matches(pattern: str, event_type: str) -> bool:
    """Tell whether a subscription with this pattern wants events of this type."""
    if pattern in (_EVERYTHING, event_type):
        return True
    return pattern.endswith(_FURTHER) and event_type.startswith(pattern[:-1])
