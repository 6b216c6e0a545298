"""Subscriptions: who wants which events, and where to. One collection holds webhooks and mail subscriptions.

Nothing caches them: a webhook created before an event is published receives it, and one that is disabled or deleted
stops immediately. Reads are batched instead.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from shared.model.reasons import DisabledReason
from shared.model.subscription import Origin, StoredSecret, Subscription
from shared.process.batching import Batcher
from shared.storage.database import Database, Document, StorageUnavailable

READ_WINDOW = 0.0
"""Seconds for which ids are collected into one `find`; a lone id does not wait."""
BUSY_READ_WINDOW = 0.025
"""The same under load."""


class Subscriptions:
    """The collection of subscriptions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._collection = database.subscriptions
        self._reads: Batcher[str, Subscription | None] = Batcher(
            self._find_many, window=READ_WINDOW, busy_window=BUSY_READ_WINDOW, max_items=500
        )

    async def get(self, subscription_id: str) -> Subscription | None:
        """Return a subscription as it is now, for a worker; waits while the database is away."""
        return await self._reads.submit(subscription_id)

    async def matching(self, wanted: Sequence[tuple[str, Sequence[str]]]) -> list[Subscription]:
        """Return every subscription of these tenants that has one of the wanted patterns, in one query.

        Args:
            wanted: pairs of tenant and the patterns that match the event's type.
        """
        if not wanted:
            return []
        tenants: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for tenant, patterns in wanted:
            tenants[tuple(patterns)].append(tenant)
        # One branch for each event type; one for each tenant would cost the server four times as much.
        branches = [
            {"tenant_id": {"$in": those}, "events": {"$in": list(patterns)}} for patterns, those in tenants.items()
        ]
        query = branches[0] if len(branches) == 1 else {"$or": branches}
        documents = await self._database.hold(lambda: self._collection.find(query, _MATCHING).to_list())
        return [subscription_from(document) for document in documents]

    async def add(self, subscription: Subscription) -> None:
        """Store a new subscription.

        Raises:
            StorageUnavailable: not stored, or not known to be.
        """
        try:
            await self._collection.insert_one(subscription_document(subscription))
        except PyMongoError as error:
            raise StorageUnavailable(str(error)) from error

    async def count_failure(
        self, subscription_id: str, failed_delivery_id: str, *, threshold: int, ended_at: datetime
    ) -> Subscription | None:
        """Count a dead delivery that the receiver caused; disable at the threshold, in the same update.

        The deliveries that failed since the last success are stored as a set, so counting one twice (after a crash)
        has no effect. Nor has one that `ended_at` a time before the owner enabled the webhook again. Returns the
        subscription if this delivery's failure disabled it.
        """
        failing = {"$ifNull": ["$failing", []]}
        counted = {"$cond": [_not_enabled_since(ended_at), {"$setUnion": [failing, [failed_delivery_id]]}, failing]}
        reached = {"$and": ["$enabled", {"$gte": ["$consecutive_failures", threshold]}]}
        return await self._disable_when(
            subscription_id,
            [{"$set": {"failing": counted}}, {"$set": {"consecutive_failures": {"$size": "$failing"}}}],
            condition=reached,
            reason=DisabledReason.CONSECUTIVE_FAILURES,
            by=failed_delivery_id,
        )

    async def disable(
        self, subscription_id: str, *, reason: DisabledReason, by: str, ended_at: datetime
    ) -> Subscription | None:
        """Disable a webhook because of a delivery's result, unless its owner enabled it after that.

        Returns it if this delivery disabled it.
        """
        condition = {"$and": ["$enabled", _not_enabled_since(ended_at)]}
        return await self._disable_when(subscription_id, [], condition=condition, reason=reason, by=by)

    async def _disable_when(
        self, subscription_id: str, stages: list[Document], *, condition: Any, reason: DisabledReason, by: str
    ) -> Subscription | None:
        disabled = {"enabled": False, "disabled_reason": reason.value, "disabled_by": by, "disabled_at": "$$NOW"}
        stages = [
            *stages,
            {"$set": {"disabling": condition}},
            {"$set": {key: {"$cond": ["$disabling", value, f"${key}"]} for key, value in disabled.items()}},
            {"$unset": "disabling"},
        ]
        document = await self._database.hold(
            lambda: self._collection.find_one_and_update(
                {"_id": subscription_id}, stages, return_document=ReturnDocument.AFTER
            )
        )
        if document is None or document["enabled"] or document.get("disabled_by") != by:
            return None
        return subscription_from(document)

    async def forget_failures(self, subscription_ids: Sequence[str]) -> None:
        """Reset the failure counters of subscriptions after a successful delivery."""
        await self._database.hold(
            lambda: self._collection.update_many(
                {"_id": {"$in": list(subscription_ids)}, "consecutive_failures": {"$gt": 0}},
                {"$set": {"consecutive_failures": 0, "failing": []}},
            )
        )

    async def _find_many(self, ids: Sequence[str]) -> list[Subscription | None]:
        query = {"_id": {"$in": list(set(ids))}}
        documents = await self._database.hold(lambda: self._collection.find(query).to_list())
        found = {document["_id"]: subscription_from(document) for document in documents}
        return [found.get(subscription_id) for subscription_id in ids]


def _not_enabled_since(time: datetime) -> Document:
    return {"$lte": [{"$ifNull": ["$enabled_at", time]}, time]}


_MATCHING = dict.fromkeys(
    (
        "tenant_id",
        "channel",
        "events",
        "subject",
        "enabled",
        "confirmed",
        "url",
        "address",
        "created_at",
        "updated_at",
    ),
    1,
)


def subscription_document(subscription: Subscription) -> Document:
    """Return the document that holds a new subscription."""
    document: Document = {
        name: getattr(subscription, name)
        for name in Subscription.__dataclass_fields__
        if name not in {"id", "secret", "previous_secret"}
    }
    document["_id"] = subscription.id
    document["events"] = list(subscription.events)
    document["origin"] = subscription.origin.value
    document["retry_schedule"] = None if subscription.retry_schedule is None else list(subscription.retry_schedule)
    document["secret"] = secret_document(subscription.secret)
    document["previous_secret"] = secret_document(subscription.previous_secret)
    document["failing"] = []
    return document


def subscription_from(document: Document) -> Subscription:
    """Return the subscription that a document holds."""
    values = {name: document[name] for name in Subscription.__dataclass_fields__ if name in document}
    values["id"] = document["_id"]
    values["events"] = tuple(document["events"])
    values["origin"] = Origin(document.get("origin", Origin.API.value))
    if values.get("retry_schedule") is not None:
        values["retry_schedule"] = tuple(document["retry_schedule"])
    for name in ("secret", "previous_secret"):
        if values.get(name) is not None:
            stored = values[name]
            values[name] = StoredSecret(salt=stored["salt"], key_id=stored["key_id"], sha256=stored["sha256"])
    return Subscription(**values)


def secret_document(secret: StoredSecret | None) -> Document | None:
    """Return what a subscription's document holds about a secret."""
    return None if secret is None else {"salt": secret.salt, "key_id": secret.key_id, "sha256": secret.sha256}
