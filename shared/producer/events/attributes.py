"""What all constructors of events have in common: the attributes beside the data, and how data is written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Required, TypedDict

from shared.model.event import rfc3339
from shared.producer.new_event import NewEvent

Field = str | datetime | Sequence[str] | None


class Attributes(TypedDict, total=False):
    """What every event has besides its data; `NewEvent` says what each means, and its default."""

    tenant: Required[str]
    id: str
    time: datetime
    traceparent: str | None


def new_event(type_: str, subject: str | None, attributes: Attributes, **data: Field) -> NewEvent:
    """Return the event; fields without a value are left out, because no schema of the catalogue takes null."""
    given = {name: _written(name, value) for name, value in data.items() if value is not None}
    return NewEvent(type=type_, subject=subject, data=given, **attributes)


def _written(name: str, value: str | datetime | Sequence[str]) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name}: needs a time zone; use datetime.now(UTC)")
        return rfc3339(value)
    return value if isinstance(value, str) else list(value)
