"""What an operator at the command line may read: documents of every tenant. Changes nothing.

Unlike the workers' calls these never wait for an absent database: they raise StorageUnavailable, because a person
waits for the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pymongo import ASCENDING, DESCENDING

from shared.model.delivery import Delivery
from shared.model.event import StoredEvent
from shared.model.subscription import Subscription
from shared.model.topology import EMAIL, WEBHOOK
from shared.storage.database import Database
from shared.storage.deliveries import delivery_from
from shared.storage.events import event_from
from shared.storage.subscriptions import subscription_from
from shared.storage.tenant.pages import storage_errors


@dataclass(frozen=True, kw_only=True)
class Server:
    """What the database server reports about itself."""

    time: datetime
    replica_set: str
    """Empty for a server outside a replica set, which supports neither majority writes nor transactions."""
    takes_writes: bool


class AllTenants:
    """Every tenant's documents."""

    def __init__(self, database: Database) -> None:
        self._events, self._deliveries = database.events, database.deliveries
        self._subscriptions = database.subscriptions

    async def server(self) -> Server:
        """Return what the server reports about itself."""
        with storage_errors():
            database = self._events.database
            answer = await database.command("hello", codec_options=database.codec_options)  # for aware times
        return Server(
            time=answer["localTime"],
            replica_set=answer.get("setName", ""),
            takes_writes=bool(answer.get("isWritablePrimary")),
        )

    async def deliveries(self, ids: Sequence[str]) -> dict[str, Delivery]:
        """Return the deliveries with these ids that are stored, by id."""
        with storage_errors():
            documents = await self._deliveries.find({"_id": {"$in": list(set(ids))}}).to_list()
        return {document["_id"]: delivery_from(document) for document in documents}

    async def event(self, event_id: str) -> StoredEvent | None:
        """Return the event with this internal id."""
        with storage_errors():
            document = await self._events.find_one({"_id": event_id})
        return None if document is None else event_from(document)

    async def events_called(self, source_id: str, *, limit: int) -> list[StoredEvent]:
        """Return events with this producer's id, the newest first; this scans all events."""
        with storage_errors():
            found = self._events.find({"source_id": source_id}).sort("created_at", DESCENDING).limit(limit)
            documents = await found.to_list()
        return [event_from(document) for document in documents]

    async def webhook(self, webhook_id: str) -> Subscription | None:
        """Return a webhook."""
        with storage_errors():
            document = await self._subscriptions.find_one({"_id": webhook_id, "channel": WEBHOOK})
        return None if document is None else subscription_from(document)

    async def subscriptions_of(self, address: str) -> list[Subscription]:
        """Return the mail subscriptions of an address."""
        with storage_errors():
            documents = await self._subscriptions.find({"channel": EMAIL, "address": address}).to_list()
        return [subscription_from(document) for document in documents]

    async def mails_to(self, recipient: str, *, limit: int) -> list[Delivery]:
        """Return the newest deliveries to an address."""
        with storage_errors():
            found = self._deliveries.find({"channel": EMAIL, "recipient": recipient})
            documents = await found.sort("created_at", DESCENDING).limit(limit).to_list()
        return [delivery_from(document) for document in documents]

    async def longest_due(self, channel: str) -> datetime | None:
        """Return the earliest due time of a channel's deliveries, past or future; None if no delivery is due."""
        with storage_errors():
            found = self._deliveries.find({"due_at": {"$exists": True}, "channel": channel}, {"due_at": 1})
            documents = await found.sort("due_at", ASCENDING).limit(1).to_list()
        return documents[0]["due_at"] if documents else None
