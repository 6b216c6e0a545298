"""Subscriptions of both channels together, as their tenant sees them. Every call takes the tenant."""

from typing import Final

from shared.model.subscription import Subscription
from shared.storage.database import Database
from shared.storage.subscriptions import subscription_from
from shared.storage.tenant.pages import page_of

MOST: Final = 2000
"""More than the API lets a tenant create."""


class TenantSubscriptions:
    """Every subscription of a tenant, webhook or mail."""

    def __init__(self, database: Database) -> None:
        self._collection = database.subscriptions

    async def all(self, tenant_id: str) -> list[Subscription]:
        """Return the tenant's subscriptions, the newest first.

        Raises:
            StorageUnavailable: the database did not answer.
        """
        documents = await page_of(self._collection, {"tenant_id": tenant_id}, after=None, limit=MOST)
        return [subscription_from(document) for document in documents]
