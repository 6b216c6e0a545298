"""What all request and answer models share."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from shared.messages import rfc3339

Item = TypeVar("Item")

Timestamp = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T10:00:00.000Z"]}),
]
"""A time in an answer: RFC 3339 in UTC."""


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
