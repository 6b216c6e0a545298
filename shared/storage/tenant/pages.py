"""What every query made for a tenant shares: page by page in a stable order, and errors in our own words.

Unlike the workers' calls these never wait for an absent database: a person is waiting for the answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from shared.storage.database import Document, StorageUnavailable


@dataclass(frozen=True)
class Position:
    """The last row of a page. Rows that are added later are newer, so they move no later page."""

    created_at: datetime
    id: str


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn whatever the driver raises into StorageUnavailable."""
    try:
        yield
    except PyMongoError as error:
        raise StorageUnavailable(f"{type(error).__name__}: {error}") from error


async def page_of(
    collection: AsyncCollection[Document],
    query: Document,
    *,
    after: Position | None,
    limit: int,
    oldest_first: bool = False,
) -> list[Document]:
    """Return up to `limit` documents that match, newest first (or oldest first), beginning behind a position.

    Raises:
        StorageUnavailable: the database did not answer.
    """
    if after is not None:
        beyond = "$gt" if oldest_first else "$lt"
        behind = [
            {"created_at": {beyond: after.created_at}},
            {"created_at": after.created_at, "_id": {beyond: after.id}},
        ]
        query = {"$and": [query, {"$or": behind}]}
    with storage_errors():
        direction = ASCENDING if oldest_first else DESCENDING
        order = [("created_at", direction), ("_id", direction)]
        return await collection.find(query).sort(order).limit(limit).to_list()


def within(since: datetime | None, until: datetime | None) -> Document:
    """Return the condition that a document was created from `since` on and before `until`."""
    bounds: dict[str, Any] = {}
    if since is not None:
        bounds["$gte"] = since
    if until is not None:
        bounds["$lt"] = until
    return {"created_at": bounds} if bounds else {}
