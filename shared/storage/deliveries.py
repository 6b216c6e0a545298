"""Deliveries: the truth about what was attempted, what comes next and whether it is still wanted.

A change is a conditional update (on `attempts_made` and an unfinished state), so of two workers with the same task
only one records its result. Changes are committed in groups; a caller acks only after its change is safe.
"""

from collections.abc import Sequence
from datetime import datetime

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError
from pymongo.results import BulkWriteResult

from shared.model.delivery import Attempt, Delivery, Transition
from shared.model.reasons import UNFINISHED, DeliveryState
from shared.process.batching import Batcher
from shared.storage.database import Database, Document
from shared.storage.events import raise_unless_duplicates
from shared.storage.subscriptions import READ_WINDOW, Subscriptions

COMMIT_WINDOW = 0.015
"""Seconds for which outcomes are collected into one `bulk_write`. The receiver already has its request, and groups of
a hundred cost half as much as groups of ten, here and in the server."""
BUSY_COMMIT_WINDOW = 0.025
"""The same under load. What is unrecorded when the process is killed is sent again, so keep it short."""
MAX_COMMIT = 500
MAX_ATTEMPTS = 100
"""Only the latest attempts of a delivery are kept. Replays add to them without limit, and a document beyond MongoDB's
16 MiB could never be recorded again: its batch, with every other change in it, would wait without end."""

_KNOWN = [state.value for state in DeliveryState]
_UNFINISHED = [state.value for state in UNFINISHED]


class Deliveries:
    """The collection of deliveries."""

    def __init__(self, database: Database, subscriptions: Subscriptions) -> None:
        self._database = database
        self._collection = database.deliveries
        self._subscriptions = subscriptions
        self._reads: Batcher[str, Delivery | None] = Batcher(self._find_many, window=READ_WINDOW, max_items=500)
        self._changes: Batcher[Transition, bool] = Batcher(
            self._commit, window=COMMIT_WINDOW, busy_window=BUSY_COMMIT_WINDOW, max_items=MAX_COMMIT
        )
        self._deferred: Batcher[tuple[str, datetime], None] = Batcher(
            self._defer, window=COMMIT_WINDOW, max_items=MAX_COMMIT
        )
        self._cleared: Batcher[str, None] = Batcher(self._clear_due_many, window=COMMIT_WINDOW, max_items=MAX_COMMIT)

    async def add(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Store new deliveries; returns those that existed already, as they are now."""
        if not deliveries:
            return []
        documents = [delivery_document(delivery) for delivery in deliveries]
        present = await self._database.hold(lambda: self._insert(documents))
        if not present:
            return []
        ids = [documents[position]["_id"] for position in present]
        return [delivery for delivery in await self._find_many(ids) if delivery is not None]

    async def get(self, delivery_id: str) -> Delivery | None:
        """Return a delivery as it is now, for a worker; waits while the database is away."""
        return await self._reads.submit(delivery_id)

    async def record(self, transition: Transition) -> bool:
        """Record a change; returns False, changing nothing, if the delivery has moved on or is gone."""
        return await self._changes.submit(transition)

    async def defer(self, delivery_id: str, due_at: datetime) -> None:
        """Move an unfinished delivery's due time to later, without an attempt; the reconciler lets it wait."""
        await self._deferred.submit((delivery_id, due_at))

    async def clear_due(self, delivery_id: str) -> None:
        """Clear a finished delivery's due time: nothing is left to publish."""
        await self._cleared.submit(delivery_id)

    async def remove(self, delivery_id: str) -> None:
        """Remove a delivery whose subscription was deleted."""
        await self._database.hold(lambda: self._collection.delete_one({"_id": delivery_id}))

    async def due(self, *, channel: str, before: datetime, limit: int) -> list[Delivery]:
        """Return deliveries of a channel that were due before a time, oldest first."""
        # Skip deliveries in a state that only a newer version knows: one of them would make the whole read fail.
        query = {"due_at": {"$lt": before}, "channel": channel, "state": {"$in": _KNOWN}}
        documents = await self._database.hold(
            lambda: self._collection.find(query).sort("due_at", 1).limit(limit).to_list()
        )
        return [delivery_from(document) for document in documents]

    async def claim(self, delivery: Delivery, *, due_at: datetime) -> bool:
        """Move a stuck delivery's due time; of several processes only one succeeds."""
        result = await self._database.hold(
            lambda: self._collection.update_one(
                {"_id": delivery.id, "due_at": delivery.due_at, "attempts_made": delivery.attempts_made},
                {"$set": {"due_at": due_at}},
            )
        )
        return result.modified_count == 1

    async def _find_many(self, ids: Sequence[str]) -> list[Delivery | None]:
        query = {"_id": {"$in": list(set(ids))}}
        documents = await self._database.hold(lambda: self._collection.find(query).to_list())
        found = {document["_id"]: delivery_from(document) for document in documents}
        return [found.get(delivery_id) for delivery_id in ids]

    async def _insert(self, documents: list[Document]) -> list[int]:
        try:
            await self._collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return raise_unless_duplicates(error)
        return []

    async def _commit(self, transitions: Sequence[Transition]) -> list[bool]:
        operations = [_update(transition) for transition in transitions]
        result = await self._database.hold(lambda: self._write(operations))
        recorded = [True] * len(transitions)
        if result.matched_count < len(transitions):
            recorded = await self._which_were_recorded(transitions)
        forgiven = {
            transition.resets_failures
            for transition, done in zip(transitions, recorded, strict=True)
            if done and transition.resets_failures
        }
        if forgiven:
            await self._subscriptions.forget_failures(list(forgiven))
        return recorded

    async def _write(self, operations: Sequence[UpdateOne]) -> BulkWriteResult:
        try:
            return await self._collection.bulk_write(operations, ordered=False)
        except BulkWriteError as error:
            # The primary stepped down halfway. Repeating is safe: tokens show which changes were made.
            raise PyMongoError(str(error.details)[:500]) from error

    async def _which_were_recorded(self, transitions: Sequence[Transition]) -> list[bool]:
        query = {"_id": {"$in": [transition.delivery_id for transition in transitions]}}
        documents = await self._database.hold(lambda: self._collection.find(query, {"token": 1}).to_list())
        tokens = {document.get("token") for document in documents}
        return [transition.token in tokens for transition in transitions]

    async def _defer(self, deferrals: Sequence[tuple[str, datetime]]) -> list[None]:
        operations = [
            UpdateOne({"_id": delivery_id, "state": {"$in": _UNFINISHED}}, {"$max": {"due_at": due_at}})
            for delivery_id, due_at in deferrals
        ]
        await self._database.hold(lambda: self._write(operations))
        return [None] * len(deferrals)

    async def _clear_due_many(self, delivery_ids: Sequence[str]) -> list[None]:
        query = {"_id": {"$in": list(delivery_ids)}, "state": {"$nin": _UNFINISHED}}
        await self._database.hold(lambda: self._collection.update_many(query, {"$unset": {"due_at": ""}}))
        return [None] * len(delivery_ids)


def _update(transition: Transition) -> UpdateOne:
    fields: Document = {
        "state": transition.state.value,
        "updated_at": transition.at,
        "reason": transition.reason,
        "detail": transition.detail,
        "token": transition.token,
    }
    update: Document = {"$set": fields}
    if transition.attempt is not None:
        fields["attempts_made"] = transition.attempts_made_before + 1
        update["$push"] = {"attempts": {"$each": [vars(transition.attempt)], "$slice": -MAX_ATTEMPTS}}
    if transition.due_at is None:
        update["$unset"] = {"due_at": ""}
    else:
        fields["due_at"] = transition.due_at
    expected = {
        "_id": transition.delivery_id,
        "attempts_made": transition.attempts_made_before,
        "state": {"$in": _UNFINISHED},
    }
    return UpdateOne(expected, update)


def delivery_document(delivery: Delivery) -> Document:
    """Return the document that holds a delivery."""
    absent = {"id", "due_at"} if delivery.export_id else {"id", "due_at", "export_id"}
    document: Document = {
        name: getattr(delivery, name) for name in Delivery.__dataclass_fields__ if name not in absent
    }
    document["_id"] = delivery.id
    document["state"] = delivery.state.value
    document["attempts"] = [vars(attempt) for attempt in delivery.attempts]
    if delivery.due_at is not None:  # absent, not null: like export_id, it is indexed only where present
        document["due_at"] = delivery.due_at
    return document


def delivery_from(document: Document) -> Delivery:
    """Return the delivery that a document holds."""
    values = {name: document[name] for name in Delivery.__dataclass_fields__ if name in document}
    values["id"] = document["_id"]
    values["state"] = DeliveryState(document["state"])
    values["attempts"] = tuple(_attempt(attempt) for attempt in document["attempts"])
    return Delivery(**values)


def _attempt(document: Document) -> Attempt:
    # A newer version running beside this one may have written fields that this one doesn't know.
    return Attempt(**{name: document[name] for name in Attempt.__dataclass_fields__ if name in document})
