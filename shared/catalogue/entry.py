"""One entry of the catalogue: a type of event, as a value."""

from dataclasses import dataclass
from typing import Any

JsonObject = dict[str, Any]


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
