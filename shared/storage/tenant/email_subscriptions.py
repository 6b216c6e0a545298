"""Mail subscriptions as their tenant sees them. Every call takes the tenant."""

from dataclasses import replace

from pymongo import ReturnDocument

from shared.model.subscription import Subscription
from shared.model.topology import EMAIL
from shared.storage.database import Database, Document
from shared.storage.subscriptions import subscription_document, subscription_from
from shared.storage.tenant.pages import Position, page_of, storage_errors


class TenantEmailSubscriptions:
    """The mail subscriptions of a tenant; every call raises StorageUnavailable without a database."""

    def __init__(self, database: Database) -> None:
        self._collection = database.subscriptions
        self._deliveries = database.deliveries

    async def page(self, tenant_id: str, *, after: Position | None, limit: int) -> list[Subscription]:
        """Return mail subscriptions, the newest first."""
        documents = await page_of(self._collection, _of(tenant_id), after=after, limit=limit)
        return [subscription_from(document) for document in documents]

    async def count(self, tenant_id: str) -> int:
        """Return how many mail subscriptions a tenant has."""
        with storage_errors():
            return await self._collection.count_documents(_of(tenant_id))

    async def get(self, tenant_id: str, subscription_id: str) -> Subscription | None:
        """Return a mail subscription."""
        with storage_errors():
            document = await self._collection.find_one(_of(tenant_id) | {"_id": subscription_id})
        return None if document is None else subscription_from(document)

    async def put(self, subscription: Subscription) -> tuple[Subscription, bool]:
        """Store a subscription, or update the events of the existing one; returns it and whether it is new.

        The recipient's decision (confirmed, unsubscribed) stays as it is.
        """
        document = subscription_document(subscription)
        changes = {name: document.pop(name) for name in ("events", "updated_at")}
        query = {"_id": document.pop("_id"), "tenant_id": document.pop("tenant_id")}
        with storage_errors():
            before = await self._collection.find_one_and_update(
                query,
                {"$set": changes, "$setOnInsert": document},
                upsert=True,
                return_document=ReturnDocument.BEFORE,
            )
        if before is None:
            return subscription, True
        known = subscription_from(before)
        return replace(known, events=subscription.events, updated_at=subscription.updated_at), False

    async def delete(self, tenant_id: str, subscription_id: str) -> bool:
        """Delete a mail subscription and its delivery log; returns False if neither existed.

        Deleting the subscription first stops all its mails, including waiting ones.
        """
        query = _of(tenant_id)
        with storage_errors():
            gone = await self._collection.delete_one(query | {"_id": subscription_id})
            log = await self._deliveries.delete_many(query | {"subscription_id": subscription_id})
        return bool(gone.deleted_count or log.deleted_count)


def _of(tenant_id: str) -> Document:
    return {"tenant_id": tenant_id, "channel": EMAIL}
