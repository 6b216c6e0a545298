"""Events as their tenant sees them. Every call takes the tenant."""

from collections.abc import Sequence
from datetime import datetime

from shared.model.event import StoredEvent
from shared.storage.database import Database, Document
from shared.storage.events import event_from
from shared.storage.tenant.pages import Position, page_of, storage_errors, within


class TenantEvents:
    """The events of a tenant; every call raises StorageUnavailable when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._collection = database.events

    async def get(self, tenant_id: str, event_id: str) -> StoredEvent | None:
        """Return an event."""
        with storage_errors():
            document = await self._collection.find_one({"_id": event_id, "tenant_id": tenant_id})
        return None if document is None else event_from(document)

    async def get_many(self, tenant_id: str, event_ids: Sequence[str]) -> dict[str, StoredEvent]:
        """Return the stored events among these, by id."""
        query = {"_id": {"$in": list(set(event_ids))}, "tenant_id": tenant_id}
        with storage_errors():
            documents = await self._collection.find(query).to_list()
        return {document["_id"]: event_from(document) for document in documents}

    async def page(
        self,
        tenant_id: str,
        *,
        type_: str | None,
        subject: str | None,
        since: datetime | None,
        until: datetime | None,
        after: Position | None,
        limit: int,
    ) -> list[StoredEvent]:
        """Return events, the newest first; None filters nothing."""
        query: Document = {"tenant_id": tenant_id} | within(since, until)
        query |= {name: value for name, value in (("type", type_), ("subject", subject)) if value is not None}
        documents = await page_of(self._collection, query, after=after, limit=limit)
        return [event_from(document) for document in documents]
