"""How a tenant's mails look: name, logo and templates. The mailer reads them in batches, the API one by one."""

from collections.abc import Sequence
from dataclasses import asdict

from shared.mail.branding import Branding
from shared.process.batching import Batcher
from shared.storage.database import Database, Document
from shared.storage.subscriptions import READ_WINDOW
from shared.storage.tenant.pages import storage_errors


class Brandings:
    """The collection of brandings, one document for each tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._collection = database.branding
        self._reads: Batcher[str, Branding] = Batcher(self._find_many, window=READ_WINDOW, max_items=500)

    async def get(self, tenant_id: str) -> Branding:
        """Return a tenant's branding as it is now; waits while the database is away."""
        return await self._reads.submit(tenant_id)

    async def _find_many(self, tenants: Sequence[str]) -> list[Branding]:
        query = {"_id": {"$in": list(set(tenants))}}
        documents = await self._database.hold(lambda: self._collection.find(query).to_list())
        found = {document["_id"]: _from_document(document) for document in documents}
        return [found.get(tenant, Branding()) for tenant in tenants]


class TenantBranding:
    """A tenant's branding as its administrators see it; every call raises StorageUnavailable without a database."""

    def __init__(self, database: Database) -> None:
        self._collection = database.branding

    async def get(self, tenant_id: str) -> Branding:
        """Return the branding; all defaults if it was never set."""
        with storage_errors():
            document = await self._collection.find_one({"_id": tenant_id})
        return _from_document(document or {})

    async def put(self, tenant_id: str, branding: Branding) -> None:
        """Replace the fields of the branding that this version knows."""
        with storage_errors():
            await self._collection.update_one({"_id": tenant_id}, {"$set": asdict(branding)}, upsert=True)


def _from_document(document: Document) -> Branding:
    return Branding(**{name: document[name] for name in Branding.__dataclass_fields__ if name in document})
