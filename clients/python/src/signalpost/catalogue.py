"""The catalogue of event types as a value: look a type up, check data against its schema.

Validators are compiled once, when the catalogue is created. Nothing is fetched, so an outside `$ref` is refused.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jsonschema_rs

from signalpost.event_type import CatalogueError, EventType
from signalpost.event_types_file import read_event_types
from signalpost.events import PRODUCT_EVENTS
from signalpost.events.system import SYSTEM_EVENTS

_BUILTIN = {event.type: event.describe() for event in (*PRODUCT_EVENTS, *SYSTEM_EVENTS)}
_Kind = jsonschema_rs.ValidationErrorKind
_MAX_SENTENCE: Final = 400
_MASK = "the value"
_PLAIN_STEP = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All event types that this deployment knows."""

    types: Mapping[str, EventType]
    validators: Mapping[str, jsonschema_rs.Validator] = field(repr=False, compare=False)

    @classmethod
    def of(cls, entries: Iterable[EventType]) -> "Catalogue":
        """Create the catalogue of these entries.

        Raises:
            CatalogueError: a schema is invalid, or an example does not fit its schema.
        """
        types = {entry.type: entry for entry in entries}
        catalogue = cls(types=types, validators={name: _compile(entry) for name, entry in types.items()})
        for entry in types.values():
            if fault := catalogue.validate(entry.type, entry.example):
                raise CatalogueError(f"{entry.type}: the example does not fit the schema: {fault}; correct either")
        return catalogue

    @classmethod
    def builtin(cls) -> "Catalogue":
        """Return the catalogue of the built-in types alone."""
        return cls.of(_BUILTIN.values())

    @classmethod
    def load(cls, path: str | Path | None) -> "Catalogue":
        """Return the built-in types together with those of the file that EVENT_TYPES_FILE names, if any.

        Raises:
            CatalogueError: the file can't be read, or one of its entries is wrong.
        """
        if path is None:
            return cls.builtin()
        added = read_event_types(Path(path), taken=_BUILTIN)
        try:
            return cls.of((*_BUILTIN.values(), *added))
        except CatalogueError as error:
            raise CatalogueError(f"EVENT_TYPES_FILE {path}: {error}") from error

    def get(self, event_type: str) -> EventType | None:
        """Return the entry of a type, or None if the type is uncatalogued."""
        return self.types.get(event_type)

    def validate(self, event_type: str, data: object) -> str | None:
        """Return None if the data fits the schema of its type, else one sentence that names the field.

        Data of an uncatalogued type always fits. The sentence quotes nothing of the data except field names.
        `data` must come from a JSON decoder, which limits its depth; a hundred thousand levels made by hand could
        exhaust the stack below a recursive schema.
        """
        validator = self.validators.get(event_type)
        if validator is None:
            return None
        try:
            if validator.is_valid(data):
                return None
            error = next(validator.iter_errors(data))
        except ValueError as unreadable:  # what Rust can't convert: lone surrogates, very deep nesting
            return f"data: can't be checked ({unreadable}); send plain Unicode text, nested at most 200 levels deep"
        return _sentence(error, self.types[event_type].example)


def _compile(entry: EventType) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.Draft202012Validator(entry.schema, mask=_MASK, offline=True)
    except jsonschema_rs.ValidationError as error:
        where = ".".join(["schema", *map(str, error.instance_path)])
        raise CatalogueError(
            f"{entry.type}: {where}: {error.message}; it must be a JSON Schema of draft 2020-12 without outside $ref"
        ) from error


def _sentence(error: jsonschema_rs.ValidationError, example: object) -> str:
    path = error.instance_path
    if isinstance(error.kind, _Kind.Required):
        path = [*path, error.kind.property]
    fitting = _at(example, path) if path else None
    remedy = "" if fitting is None else f"; send for example {json.dumps(fitting, ensure_ascii=False)}"
    steps = (str(step) if _PLAIN_STEP.fullmatch(str(step)) else json.dumps(step)[:64] for step in path)
    sentence = f"{'.'.join(['data', *steps])}: {_problem(error)}{remedy}"
    return sentence if len(sentence) <= _MAX_SENTENCE else f"{sentence[:_MAX_SENTENCE]}…"


def _problem(error: jsonschema_rs.ValidationError) -> str:
    match error.kind:
        case _Kind.Required():
            return "is required"
        case _Kind.Enum(options):
            return f"is none of {', '.join(map(json.dumps, options))}"
    return error.message.removeprefix(_MASK).strip()


def _at(value: object, path: Iterable[str | int]) -> object:
    """Return what an example holds at this path, or None."""
    for step in path:
        try:
            value = value[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return None
    return value
