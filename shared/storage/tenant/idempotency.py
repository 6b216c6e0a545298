"""Idempotency keys: the request that each key was first used for, kept as long as events."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from shared.storage.database import Database
from shared.storage.tenant.pages import storage_errors


@dataclass(frozen=True, kw_only=True)
class KeyUse:
    """A key, its owner, and the request that it was sent with."""

    tenant_id: str
    subject: str
    """The caller: two programs of one tenant may choose the same key."""
    key: str
    body_sha256: str
    event_id: str


class TenantIdempotency:
    """The collection of used keys."""

    def __init__(self, database: Database) -> None:
        self._collection = database.idempotency

    async def claim(self, use: KeyUse, *, at: datetime) -> KeyUse:
        """Record the use of a key; returns its first use, which is this one or an earlier one.

        Raises:
            StorageUnavailable: the database did not answer.
        """
        document_id = hashlib.sha256(f"{use.tenant_id}\0{use.subject}\0{use.key}".encode()).hexdigest()
        fields = {name: getattr(use, name) for name in KeyUse.__dataclass_fields__}
        with storage_errors():
            try:
                await self._collection.insert_one({"_id": document_id, "created_at": at, **fields})
            except DuplicateKeyError:
                earlier = await self._collection.find_one({"_id": document_id, "tenant_id": use.tenant_id})
                if earlier is not None:  # it may have expired in between
                    return KeyUse(**{name: earlier[name] for name in fields})
        return use
