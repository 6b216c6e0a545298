"""Reads the types that a deployment adds to the catalogue (EVENT_TYPES_FILE).

The file is a JSON list of objects with `type`, `description`, `schema` and `example`. A fault in it stops the start,
with a sentence that names the file, the entry, the field and the remedy.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import msgspec

from signalpost.event_type import CatalogueError, EventType, JsonObject, is_event_type

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: _Text
    description: _Text
    schema: JsonObject
    example: JsonObject


def read_event_types(path: Path, *, taken: Collection[str]) -> list[EventType]:
    """Return the types of the file, none of which may be taken already.

    Raises:
        CatalogueError: the file can't be read, or an entry is wrong.
    """
    try:
        entries = msgspec.json.decode(path.read_bytes(), type=list[_Entry])
    except OSError as error:
        raise CatalogueError(f"EVENT_TYPES_FILE {path}: {error.strerror}; name a file that can be read") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise CatalogueError(
            f"EVENT_TYPES_FILE {path}: {error}; it must be a JSON list of objects with the fields type, description "
            "(texts), schema and example (objects)"
        ) from error
    seen = set(taken)
    for index, entry in enumerate(entries):
        if fault := _fault(entry.type, seen, taken):
            raise CatalogueError(f"EVENT_TYPES_FILE {path}: entry {index}: type: {fault}")
        seen.add(entry.type)
    return [
        EventType(type=entry.type, description=entry.description, schema=entry.schema, example=entry.example)
        for entry in entries
    ]


def _fault(event_type: str, seen: Collection[str], taken: Collection[str]) -> str | None:
    if not is_event_type(event_type):
        return (
            f"{event_type[:128]!r} is not an event type; use up to 8 segments of a-z, 0-9 and _, joined by dots, "
            "such as 'invoice.paid'"
        )
    if event_type in taken:
        return f"{event_type!r} is built in and can't be redefined; choose another name"
    if event_type in seen:
        return f"{event_type!r} is defined twice; remove one of them"
    return None
