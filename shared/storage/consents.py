"""Recipients' decisions about mail subscriptions: consent, or unsubscribe.

There is no tenant here: the caller holds a signed link to that one subscription.
"""

from datetime import datetime

from shared.model.reasons import DisabledReason
from shared.model.subscription import Subscription
from shared.model.topology import EMAIL
from shared.storage.database import Database, Document
from shared.storage.subscriptions import subscription_from
from shared.storage.tenant.pages import storage_errors


class Consents:
    """The recipients' side of mail subscriptions; every call raises StorageUnavailable without a database."""

    def __init__(self, database: Database) -> None:
        self._collection = database.subscriptions

    async def get(self, subscription_id: str) -> Subscription | None:
        """Return the subscription that a link is for."""
        with storage_errors():
            document = await self._collection.find_one({"_id": subscription_id, "channel": EMAIL})
        return None if document is None else subscription_from(document)

    async def give(self, subscription: Subscription, *, at: datetime) -> bool:
        """Record the recipient's consent; returns False if the subscription is gone."""
        change = {"confirmed": True, "disabled_reason": None, "disabled_at": None, "updated_at": at}
        return await self._change(subscription, change)

    async def withdraw(self, subscription: Subscription, *, at: datetime) -> bool:
        """Record that the recipient unsubscribed; returns False if the subscription is gone."""
        reason = DisabledReason.UNSUBSCRIBED.value
        change = {"confirmed": False, "disabled_reason": reason, "disabled_at": at, "updated_at": at}
        return await self._change(subscription, change)

    async def _change(self, subscription: Subscription, change: Document) -> bool:
        query = {"_id": subscription.id, "channel": EMAIL, "address": subscription.address}
        with storage_errors():
            result = await self._collection.update_one(query, {"$set": change})
        return result.matched_count == 1
