"""A type of event, as a value: its name, what it means, and the schema of its data. Pure."""

import re
from dataclasses import dataclass
from typing import Any, Final

JsonObject = dict[str, Any]
MAX_TYPE_CHARS: Final = 128
MAX_TYPE_SEGMENTS: Final = 8

EVENT_TYPE_RE: Final = re.compile(
    rf"(?=.{{1,{MAX_TYPE_CHARS}}}\Z)[a-z0-9_]+(?:\.[a-z0-9_]+){{0,{MAX_TYPE_SEGMENTS - 1}}}"
)
"""An event type; use it with `fullmatch`."""


class CatalogueError(ValueError):
    """An entry of the catalogue is wrong; the message names the file, the entry, the field and the remedy."""


@dataclass(frozen=True, kw_only=True)
class EventType:
    """A type of event that producers may publish and subscribers may ask for."""

    type: str
    description: str
    """One sentence for people."""
    schema: JsonObject
    """JSON Schema 2020-12 of the event's `data`; `format` is an annotation, `$ref` stays within the schema."""
    example: JsonObject
    """Data that fits the schema."""
    internal: bool = False
    """Whether Signalpost emits it itself."""


def is_event_type(text: str) -> bool:
    """Tell whether this can be the type of an event: 1 to 8 lower-case segments, at most 128 characters."""
    return EVENT_TYPE_RE.fullmatch(text) is not None
