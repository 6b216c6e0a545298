"""A type of event as a class: the one definition from which constructor, schema and documentation follow.

    class CertificateIssued(TypedEvent, type="certificate.issued", subject="certificates/{certificate_id}"):
        \"\"\"A certificate of erasure was issued.\"\"\"

        certificate_id: Annotated[str, ident("The certificate.")]
        issued_at: Annotated[datetime | None, time("When it was issued.")] = None

        EXAMPLE: ClassVar = {"certificate_id": "cert_42"}

The docstring describes the type, and each field is annotated with its JSON Schema (`signalpost.events.fields`). A
field without a default is required. An instance is an event that is yet to be published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime
from inspect import cleandoc
from typing import ClassVar, Final, dataclass_transform, get_type_hints
from uuid import uuid4

from signalpost.cloudevent import rfc3339
from signalpost.event_type import EventType, JsonObject

OWN_REQUIREMENT: Final = "own requirement"
"""Annotates a field that the constructor asks for and the schema does not: other producers may leave it out."""


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """What every event has besides its data. The id is drawn once, so publishing a value twice is one event.

    Raises:
        ValueError: the time has no zone.
    """

    tenant: str
    """Who the event belongs to (the CloudEvents attribute `tenantid`)."""
    id: str = field(default_factory=lambda: uuid4().hex)
    """Together with tenant and source, the event's identity: the same again is the same event."""
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it happened."""
    traceparent: str | None = None
    """The W3C trace context it belongs to; by default the current one."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, datetime) and value.tzinfo is None:
                raise ValueError(f"{name}: needs a time zone; use datetime.now(UTC)")


@dataclass_transform(kw_only_default=True, frozen_default=True)
class TypedEvent(Attributes):
    """An event whose type is known; a subclass defines the type (see the module's docstring).

    Args of a subclass:
        type: the event's type; none for a base that several types share.
        subject: what it is about, a template over the fields; None for no subject.
        internal: whether Signalpost alone emits it.
    """

    EXAMPLE: ClassVar[JsonObject] = {}
    type: ClassVar[str] = ""
    _subject: ClassVar[str | None] = None
    _internal: ClassVar[bool] = False

    def __init_subclass__(cls, *, type: str = "", subject: str | None = None, internal: bool = False) -> None:  # noqa: A002
        super().__init_subclass__()
        dataclass(frozen=True, kw_only=True)(cls)
        cls.type, cls._subject, cls._internal = type, subject, internal

    @property
    def subject(self) -> str | None:
        """What the event is about."""
        return self._subject and self._subject.format_map(vars(self))

    @property
    def data(self) -> Mapping[str, object]:
        """The data as JSON has it; fields without a value are left out, because no schema takes null."""
        values = {name: getattr(self, name) for name in _data_fields(type(self))}
        return {name: _written(value) for name, value in values.items() if value is not None}

    @classmethod
    def describe(cls) -> EventType:
        """Return the type as an entry of the catalogue."""
        hints = get_type_hints(cls, include_extras=True)
        notes = {name: hints[name].__metadata__ for name in _data_fields(cls)}
        asked = {entry.name for entry in fields(cls) if entry.default is MISSING}
        schema = {
            "type": "object",
            "properties": {name: schema for name, (schema, *_) in notes.items()},
            "required": [name for name, (_, *more) in notes.items() if name in asked and OWN_REQUIREMENT not in more],
        }
        return EventType(
            type=cls.type,
            description=cleandoc(cls.__doc__ or cls.type).partition("\n\n")[0].replace("\n", " "),
            schema=schema,
            example=cls.EXAMPLE,
            internal=cls._internal,
        )


_ATTRIBUTES = {attribute.name for attribute in fields(Attributes)}


def _data_fields(cls: type[TypedEvent]) -> list[str]:
    return [entry.name for entry in fields(cls) if entry.name not in _ATTRIBUTES]


def _written(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
