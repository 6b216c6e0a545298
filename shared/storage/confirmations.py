"""Requests to confirm an address: their limits, and the event and delivery that a request consists of.

The limits hold whether or not the subscription still exists, so deleting and adding it again sends no more mails.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from pymongo.errors import DuplicateKeyError

from shared.model.delivery import Delivery
from shared.model.event import StoredEvent
from shared.storage.database import CONFIRMATION_PERIOD, Database
from shared.storage.deliveries import delivery_document
from shared.storage.events import event_document
from shared.storage.tenant.pages import storage_errors

SHORTEST_GAP: Final = timedelta(minutes=10)
"""Between two requests of one tenant to one address."""
MAX_REQUESTS: Final = 5
"""Of one tenant to one address, until a day has passed without a request."""
MAX_ADDRESSES: Final = 100
"""Different addresses that one tenant may ask within a day."""


class Confirmations:
    """The collection of recent requests; every call raises StorageUnavailable without a database."""

    def __init__(self, database: Database) -> None:
        self._collection = database.confirmations
        self._events, self._deliveries = database.events, database.deliveries

    async def addresses_left(self, tenant_id: str, *, at: datetime) -> int:
        """Return how many more addresses a tenant may ask now."""
        since = at - timedelta(seconds=CONFIRMATION_PERIOD)
        with storage_errors():
            asked = await self._collection.count_documents({"tenant_id": tenant_id, "asked_at": {"$gt": since}})
        return max(MAX_ADDRESSES - asked, 0)

    async def claim(self, tenant_id: str, address: str, *, at: datetime) -> bool:
        """Record that an address is asked now; returns False if it was asked too recently or too often."""
        identity = f"{tenant_id}\0{address.casefold()}"
        query = {
            "_id": hashlib.sha256(identity.encode()).hexdigest(),
            "asked_at": {"$lt": at - SHORTEST_GAP},
            "requests": {"$lt": MAX_REQUESTS},
        }
        update = {"$set": {"asked_at": at, "tenant_id": tenant_id}, "$inc": {"requests": 1}}
        with storage_errors():
            try:
                await self._collection.update_one(query, update, upsert=True)
            except DuplicateKeyError:  # the document exists, and a limit is reached
                return False
        return True

    async def add(self, stored: StoredEvent, delivery: Delivery) -> None:
        """Store a request's event, as dispatched, and its delivery; from then on the reconciler finds it."""
        with storage_errors():
            await self._events.insert_one(event_document(stored))
            await self._deliveries.insert_one(delivery_document(delivery))
