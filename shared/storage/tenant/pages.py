"""What every query for a tenant shares: pages in a stable order, and translated errors.

Unlike the workers' calls these never wait for an absent database: a person waits for the answer.
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
    """The last row of a page. Rows added later are newer, so later pages don't shift."""

    created_at: datetime
    id: str


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn the driver's errors into StorageUnavailable."""
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
    """Return up to `limit` matching documents after a position, newest first (or oldest first).

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
