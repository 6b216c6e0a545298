"""What all request and answer models share."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    WithJsonSchema,
)

from shared.model.event import rfc3339

Item = TypeVar("Item")

Timestamp = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T10:00:00.000Z"]}),
]
"""A time in an answer: RFC 3339 in UTC."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def _rfc3339(value: object) -> object:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("expected RFC 3339 with a time zone, such as 2026-11-21T10:00:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("expected a time between the years 1 and 9999") from error


RequestTime = Annotated[
    AwareDatetime,
    BeforeValidator(_rfc3339),
    AfterValidator(_in_utc),
    Field(strict=False, description="RFC 3339 with a time zone.", examples=["2026-11-21T10:00:00Z"]),
]
"""A time in a request. Stricter than pydantic, which takes numbers and dates for times too."""


Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict()]
"""Of these JSON types and no other: `"dry_run": "no"` should not have to be guessed at."""


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default")


def optional(**facts: Any) -> Any:
    """Return a field that may be absent, but not null; `model_fields_set` tells the absent apart."""
    return Field(default=None, json_schema_extra=_without_default, **facts)


class RequestModel(BaseModel):
    """A request's body: an unknown field is a mistake that its sender wants to hear of."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AnswerModel(BaseModel):
    """An answer's body."""

    model_config = ConfigDict(frozen=True)


class Page(AnswerModel, Generic[Item]):
    """One page of a list, the newest first."""

    items: list[Item]
    next_cursor: str | None = Field(
        default=None, description="Pass it as `cursor` to get the page that follows; null on the last page."
    )
