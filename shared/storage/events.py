"""Accepted events, with `data` as the producer's exact JSON text (MongoDB can't hold every JSON value).

`dispatched_at` is written after the event's deliveries are stored. An event that has it is done; one without it
(accepted over HTTP, then lost with the broker) can be dispatched again at any time.
"""

from collections.abc import Sequence
from datetime import datetime

from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from shared.model.event import JSON, Event, StoredEvent
from shared.storage.database import Database, Document, StorageUnavailable

DUPLICATE_KEY = 11_000


class Events:
    """The collection of events."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._collection = database.events

    async def dispatched(self, event_ids: Sequence[str]) -> dict[str, bool]:
        """Return for each stored event whether it has been dispatched."""
        query = {"_id": {"$in": list(event_ids)}}
        documents = await self._database.hold(lambda: self._collection.find(query, {"dispatched_at": 1}).to_list())
        return {document["_id"]: document["dispatched_at"] is not None for document in documents}

    async def record_dispatched(self, stored: Sequence[StoredEvent], *, known: frozenset[str]) -> None:
        """Store events as dispatched; `known` holds the ids of those already stored."""
        if not stored:
            return
        operations = [self._dispatched(item, item.event.id in known) for item in stored]
        await self._database.hold(lambda: self._write(operations))

    async def add_accepted(self, event: Event, *, at: datetime, uncatalogued: bool) -> bool:
        """Store an event that is yet to be published; returns False if this identity is stored already.

        Raises:
            StorageUnavailable: not stored, or not known to be.
        """
        stored = StoredEvent(event=event, created_at=at, dispatched_at=None, matched=0, uncatalogued=uncatalogued)
        try:
            await self._collection.insert_one(event_document(stored))
        except DuplicateKeyError:
            return False
        except PyMongoError as error:
            raise StorageUnavailable(str(error)) from error
        return True

    async def get_many(self, event_ids: Sequence[str]) -> dict[str, StoredEvent]:
        """Return the stored events among these, for a worker."""
        query = {"_id": {"$in": list(event_ids)}}
        documents = await self._database.hold(lambda: self._collection.find(query).to_list())
        return {document["_id"]: event_from(document) for document in documents}

    async def undispatched(self, *, before: datetime, limit: int) -> list[str]:
        """Return the ids of events accepted before a time that were never dispatched, oldest first."""
        query = {"pending_since": {"$lt": before}}
        documents = await self._database.hold(
            lambda: self._collection.find(query, {"_id": 1}).sort("pending_since", 1).limit(limit).to_list()
        )
        return [document["_id"] for document in documents]

    async def give_up(self, event: Event) -> None:
        """Record that this event was dead-lettered, so that the reconciler stops publishing it."""
        dead = {"_id": event.id, "type": event.type, "data": event.data.decode(), "dispatched_at": None}
        await self._database.hold(lambda: self._collection.update_one(dead, {"$unset": {"pending_since": ""}}))

    def _dispatched(self, item: StoredEvent, is_known: bool) -> InsertOne[Document] | UpdateOne:
        if not is_known:
            return InsertOne(event_document(item))
        return UpdateOne(
            {"_id": item.event.id, "dispatched_at": None},
            {
                "$set": {"dispatched_at": item.dispatched_at, "matched": item.matched},
                "$unset": {"pending_since": ""},
            },
        )

    async def _write(self, operations: Sequence[InsertOne[Document] | UpdateOne]) -> None:
        try:
            await self._collection.bulk_write(operations, ordered=False)
        except BulkWriteError as error:
            raise_unless_duplicates(error)


def raise_unless_duplicates(error: BulkWriteError) -> list[int]:
    """Return the positions of the documents that existed already.

    Raises:
        PyMongoError: something else failed too, so the whole write must be repeated.
    """
    errors = error.details["writeErrors"]
    if error.details["writeConcernErrors"] or any(item["code"] != DUPLICATE_KEY for item in errors):
        raise PyMongoError(str(error.details)) from error
    return [item["index"] for item in errors]


def event_document(stored: StoredEvent) -> Document:
    """Return the document that holds an event."""
    event = stored.event
    # Present only while the event waits to be dispatched, so that the index over it stays small.
    pending = {"pending_since": stored.created_at} if stored.dispatched_at is None else {}
    return pending | {
        "_id": event.id,
        "tenant_id": event.tenant_id,
        "source": event.source,
        "source_id": event.source_id,
        "type": event.type,
        "subject": event.subject,
        "time": event.time,
        "time_text": event.time_text,
        "data": event.data.decode(),
        "traceparent": event.traceparent,
        "datacontenttype": event.datacontenttype,
        "extensions": dict(event.extensions),
        "created_at": stored.created_at,
        "dispatched_at": stored.dispatched_at,
        "matched": stored.matched,
        "uncatalogued": stored.uncatalogued,
    }


def event_from(document: Document) -> StoredEvent:
    """Return the event that a document holds."""
    event = Event(
        tenant_id=document["tenant_id"],
        source=document["source"],
        source_id=document["source_id"],
        type=document["type"],
        time=document["time"],
        time_text=document["time_text"],
        subject=document["subject"],
        data=document["data"].encode(),
        traceparent=document["traceparent"],
        datacontenttype=document.get("datacontenttype", JSON),  # absent from what older versions stored
        extensions=document.get("extensions", {}),
    )
    return StoredEvent(
        event=event,
        created_at=document["created_at"],
        dispatched_at=document["dispatched_at"],
        matched=document["matched"],
        uncatalogued=document["uncatalogued"],
    )
