"""Webhooks as their tenant sees them. Every call takes the tenant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from shared.model.reasons import DisabledReason
from shared.model.subscription import StoredSecret, Subscription
from shared.model.topology import WEBHOOK
from shared.storage.database import Database, Document
from shared.storage.subscriptions import secret_document, subscription_from
from shared.storage.tenant.pages import Position, page_of, storage_errors


@dataclass(frozen=True, kw_only=True)
class WebhookScope:
    """The webhooks that a caller may see: a tenant's, or only those bound to one subject."""

    tenant_id: str
    subject: str | None = None

    def query(self, webhook_id: str | None = None) -> Document:
        """Return the condition that a document is a webhook in this scope."""
        query: Document = {"tenant_id": self.tenant_id, "channel": WEBHOOK}
        if self.subject is not None:
            query["subject"] = self.subject
        if webhook_id is not None:
            query["_id"] = webhook_id
        return query


class TenantWebhooks:
    """The webhooks of a scope; every call raises StorageUnavailable when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._collection = database.subscriptions
        self._deliveries = database.deliveries

    async def page(self, scope: WebhookScope, *, after: Position | None, limit: int) -> list[Subscription]:
        """Return webhooks, the newest first."""
        documents = await page_of(self._collection, scope.query(), after=after, limit=limit)
        return [subscription_from(document) for document in documents]

    async def count(self, tenant_id: str) -> int:
        """Return how many webhooks a tenant has."""
        with storage_errors():
            return await self._collection.count_documents(WebhookScope(tenant_id=tenant_id).query())

    async def get(self, scope: WebhookScope, webhook_id: str) -> Subscription | None:
        """Return a webhook."""
        with storage_errors():
            document = await self._collection.find_one(scope.query(webhook_id))
        return None if document is None else subscription_from(document)

    async def change(
        self, scope: WebhookScope, webhook_id: str, values: dict[str, Any], *, enabled: bool | None, at: datetime
    ) -> Subscription | None:
        """Change fields of a webhook, and enable or disable it, in one step; returns the changed webhook.

        Args:
            scope: the webhooks that the caller may change.
            webhook_id: which one.
            values: new values of plain fields.
            enabled: None keeps it. True resets all failures; False keeps an earlier reason.
            at: the time now.
        """
        # $literal, or MongoDB would evaluate a description such as "$tenant_id" as an expression.
        changes: Document = {name: {"$literal": value} for name, value in (values | {"updated_at": at}).items()}
        if "rate_limit" in values:
            changes["pace"] = None  # drop reservations made under the old limit
        if enabled is True:
            changes |= {
                "enabled": True,
                "consecutive_failures": 0,
                "failing": [],
                "disabled_reason": None,
                "disabled_at": None,
                "disabled_by": None,
                "enabled_at": at,
            }
        elif enabled is False:
            changes |= {
                "enabled": False,
                "disabled_reason": {"$cond": ["$enabled", DisabledReason.OWNER.value, "$disabled_reason"]},
                "disabled_at": {"$cond": ["$enabled", at, "$disabled_at"]},
            }
        return await self._update(scope.query(webhook_id), [{"$set": changes}])

    async def rotate(
        self,
        webhook: Subscription,
        secret: StoredSecret,
        *,
        previous_expires_at: datetime | None,
        at: datetime,
    ) -> Subscription | None:
        """Give a webhook a new secret; returns None if it was rotated or deleted meanwhile.

        Args:
            webhook: as it was read; its secret becomes the previous one.
            secret: the new one.
            previous_expires_at: until when the old one also signs; None ends it now.
            at: the time now.
        """
        assert webhook.secret is not None  # noqa: S101 - every webhook has one
        keeps = previous_expires_at is not None
        query = WebhookScope(tenant_id=webhook.tenant_id).query(webhook.id) | {"secret.sha256": webhook.secret.sha256}
        fields = {
            "secret": secret_document(secret),
            "previous_secret": secret_document(webhook.secret) if keeps else None,
            "previous_expires_at": previous_expires_at,
            "updated_at": at,
        }
        return await self._update(query, {"$set": fields})

    async def delete(self, scope: WebhookScope, webhook_id: str) -> bool:
        """Delete a webhook and its delivery log; returns False if neither existed.

        Deleting the webhook first stops all its deliveries, including waiting ones. If a fault interrupts this, a
        repeat removes the rest of the log.
        """
        with storage_errors():
            webhook = await self._collection.delete_one(scope.query(webhook_id))
            if not webhook.deleted_count and scope.subject is not None:
                return False  # a log doesn't show which subject its webhook was bound to
            log = await self._deliveries.delete_many(
                {"tenant_id": scope.tenant_id, "subscription_id": webhook_id, "channel": WEBHOOK}
            )
        return bool(webhook.deleted_count or log.deleted_count)

    async def _update(self, query: Document, update: Any) -> Subscription | None:
        with storage_errors():
            document = await self._collection.find_one_and_update(query, update, return_document=ReturnDocument.AFTER)
        return None if document is None else subscription_from(document)
