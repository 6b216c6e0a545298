"""The outbox: events kept in the producer's own database until they are published, one document for each.

An event is added within the transaction that writes the business data, so both are there or neither; a relay
(`signalpost.outbox.relay`) publishes what is there. It lives in the producer's database, not in Signalpost's.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pymongo
from pymongo import ASCENDING, IndexModel, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from signalpost.catalogue import Catalogue
from signalpost.cloudevent import Event, encode_event
from signalpost.producer.new_event import CurrentTraceparent, Unpublished, accept, no_trace

Document = dict[str, Any]
OPERATION_TIMEOUT: Final = 10.0
"""Seconds for one operation: the producer's client may have no limit of its own."""


class OutboxUnavailable(Exception):
    """The producer's database is away; nothing was lost, try again later."""


@dataclass(frozen=True, kw_only=True)
class OutboxRow:
    """One event that a relay has claimed."""

    id: Any
    body: bytes = field(repr=False)
    """The event as it will be published (CloudEvents 1.0, structured JSON)."""


class Outbox:
    """The events of one source that wait in a collection of the producer's database (a replica set).

    A document holds `body`, `created_at`, `attempts`, and either `due_at` (when a relay may take it, or take it
    from a relay that died) or `parked_reason` (why it can never be published).
    """

    def __init__(
        self,
        database: AsyncDatabase[Document],
        *,
        source: str,
        collection: str = "event_outbox",
        catalogue: Catalogue | None = None,
        current_traceparent: CurrentTraceparent = no_trace,
    ) -> None:
        self.catalogue = catalogue or Catalogue.builtin()
        self._source, self._current_traceparent = source, current_traceparent
        # A relay must never see what a failover could still roll back: that was not committed.
        self._rows = database[collection].with_options(
            read_concern=ReadConcern("majority"), write_concern=WriteConcern("majority")
        )

    async def ensure_indexes(self) -> None:
        """Create the collection and its index, once at the producer's start; repeating it changes nothing.

        Raises:
            OutboxUnavailable: the database is away.
        """
        with _translated():
            await self._rows.create_indexes([IndexModel([("due_at", ASCENDING), ("_id", ASCENDING)], name="due")])

    async def add(self, event: Unpublished, *, session: AsyncClientSession) -> Event:
        """Keep an event within the session's transaction; once that is committed it will be published.

        Raises:
            InvalidEvent: it does not fit the catalogue; nothing was written.
            PyMongoError: as it comes, because `with_transaction` decides by it whether to try again.
        """
        if not session.in_transaction:
            raise ValueError("an event is kept within a transaction, together with the data that it is about")
        accepted = accept(
            event, source=self._source, catalogue=self.catalogue, current_traceparent=self._current_traceparent
        )
        now = datetime.now(UTC)
        row = {"body": encode_event(accepted).decode(), "created_at": now, "due_at": now, "attempts": 0}
        await self._rows.insert_one(row, session=session)
        return accepted

    async def claim(self, *, limit: int, lease: float) -> list[OutboxRow]:
        """Take the oldest events that are due for `lease` seconds; no other relay gets them meanwhile.

        Raises:
            OutboxUnavailable: the database is away.
        """
        now, claim = datetime.now(UTC), uuid4().hex
        due = {"due_at": {"$lte": now}}
        oldest_first = [("due_at", ASCENDING), ("_id", ASCENDING)]
        with _translated():
            found = await self._rows.find(due, {"_id": 1}).sort(oldest_first).limit(limit).to_list()
            if not found:
                return []
            wanted = {"_id": {"$in": [document["_id"] for document in found]}}
            taken = {"$set": {"claim": claim, "due_at": now + timedelta(seconds=lease)}, "$inc": {"attempts": 1}}
            await self._rows.update_many(wanted | due, taken)
            mine = self._rows.find(wanted | {"claim": claim})
            documents = await mine.sort([("created_at", ASCENDING), ("_id", ASCENDING)]).to_list()
        return [OutboxRow(id=document["_id"], body=str(document.get("body")).encode()) for document in documents]

    async def remove(self, rows: Sequence[OutboxRow]) -> None:
        """Forget events that are published.

        Raises:
            OutboxUnavailable: the database is away; they will be published again.
        """
        with _translated():
            await self._rows.delete_many({"_id": {"$in": [row.id for row in rows]}})

    async def put_back(self, row: OutboxRow, *, wait: float, error: str) -> None:
        """Let an event be claimed again in `wait` seconds, with a note of what went wrong.

        Raises:
            OutboxUnavailable: the database is away; it can be claimed again when the lease ends.
        """
        due_at = datetime.now(UTC) + timedelta(seconds=wait)
        await self._update(row, {"$set": {"due_at": due_at, "last_error": error}})

    async def park(self, row: OutboxRow, *, reason: str) -> None:
        """Set an event aside that can never be published; it stays in the collection with the reason.

        Raises:
            OutboxUnavailable: the database is away.
        """
        await self._update(
            row, {"$set": {"parked_reason": reason, "parked_at": datetime.now(UTC)}, "$unset": {"due_at": ""}}
        )

    async def _update(self, row: OutboxRow, change: Document) -> None:
        with _translated():
            await self._rows.update_one({"_id": row.id}, change)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        with pymongo.timeout(OPERATION_TIMEOUT):
            yield
    except PyMongoError as error:
        raise OutboxUnavailable(str(error)) from error
