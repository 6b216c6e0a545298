"""Cursors: where a page ended, as an opaque text that moves with no row added later."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import msgspec
from fastapi import Depends, Query

from services.api.http.problems import FieldProblem, Problem
from shared.model.event import epoch_ms
from shared.storage.tenant.pages import Position

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_CURSOR = 500

Row = TypeVar("Row")


@dataclass(frozen=True)
class PageRequest:
    """Which page a caller asked for."""

    limit: int
    after: Position | None

    @property
    def rows(self) -> int:
        """How many rows to read: one more tells whether another page follows."""
        return self.limit + 1

    def cut(self, rows: Sequence[Row], position: Callable[[Row], Position]) -> tuple[Sequence[Row], str | None]:
        """Return the rows of this page and the cursor of the next one."""
        if len(rows) <= self.limit:
            return rows, None
        kept = rows[: self.limit]
        return kept, encode_cursor(position(kept[-1]))


def encode_cursor(position: Position) -> str:
    """Return the cursor for the page behind this row."""
    text = msgspec.json.encode((epoch_ms(position.created_at), position.id))
    return urlsafe_b64encode(text).decode().rstrip("=")


def decode_cursor(cursor: str) -> Position:
    """Read a cursor back.

    Raises:
        ValueError: it is none of ours.
    """
    padding = "=" * (-len(cursor) % 4)
    milliseconds, row_id = msgspec.json.decode(urlsafe_b64decode(cursor + padding), type=tuple[int, str])
    try:
        return Position(_EPOCH + timedelta(milliseconds=milliseconds), row_id)
    except OverflowError as error:
        raise ValueError("not a time") from error


def _page_request(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items a page has.")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None, Query(max_length=_MAX_CURSOR, description="The `next_cursor` of the page before.")
    ] = None,
) -> PageRequest:
    if cursor is None:
        return PageRequest(limit, None)
    try:
        return PageRequest(limit, decode_cursor(cursor))
    except ValueError:
        message = "This is no cursor of ours: pass a `next_cursor` on unchanged, or leave it out."
        errors = [FieldProblem(field="cursor", message=message, code="invalid_cursor")]
        raise Problem(422, "invalid_cursor", message, errors=errors) from None


Paging = Annotated[PageRequest, Depends(_page_request)]
"""The page asked for, as a route's parameter."""
