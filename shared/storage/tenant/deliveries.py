"""The delivery log as its tenant sees it, and its one write: requeueing deliveries. Every call takes the tenant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from pymongo import DESCENDING

from shared.model.delivery import Attempt, Delivery, LoggedDelivery, Replay
from shared.model.reasons import DeliveryState
from shared.storage.database import Database, Document
from shared.storage.deliveries import delivery_from
from shared.storage.tenant.pages import Position, page_of, storage_errors, within

_EVIDENCE: Final = 200
"""How many of a target's newest deliveries are searched for its last attempt."""
_MAX_REPLAYS: Final = 100
"""Only the latest replays of a delivery are kept, so that its document can't grow without limit."""
_EVIDENCE_AGE: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class DeliveryFilter:
    """Selects deliveries of a tenant; None filters nothing."""

    states: tuple[DeliveryState, ...] | None = None
    event_type: str | None = None
    without_type: str | None = None
    """Excludes deliveries of events of this type."""
    event_id: str | None = None
    channel: str | None = None
    subscription_id: str | None = None
    export_id: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def query(self, tenant_id: str) -> Document:
        """Return the condition on a document."""
        query: Document = {"tenant_id": tenant_id} | within(self.since, self.until)
        for name in ("event_type", "event_id", "channel", "subscription_id", "export_id", "reason"):
            if getattr(self, name) is not None:
                query[name] = getattr(self, name)
        if self.without_type is not None:
            query.setdefault("event_type", {"$ne": self.without_type})
        if self.states is not None:
            values = [state.value for state in self.states]
            # A single state must be an equality, or MongoDB doesn't use the index over dead letters.
            query["state"] = values[0] if len(values) == 1 else {"$in": values}
        return query


class TenantDeliveries:
    """The deliveries of a tenant; every call raises StorageUnavailable when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._collection = database.deliveries

    async def page(
        self,
        tenant_id: str,
        wanted: DeliveryFilter,
        *,
        after: Position | None,
        limit: int,
        oldest_first: bool = False,
    ) -> list[LoggedDelivery]:
        """Return deliveries, the newest (or the oldest) first."""
        query = wanted.query(tenant_id)
        documents = await page_of(self._collection, query, after=after, limit=limit, oldest_first=oldest_first)
        return [_logged(document) for document in documents]

    async def get(self, tenant_id: str, delivery_id: str) -> LoggedDelivery | None:
        """Return a delivery."""
        with storage_errors():
            document = await self._collection.find_one({"_id": delivery_id, "tenant_id": tenant_id})
        return None if document is None else _logged(document)

    async def count(self, tenant_id: str, wanted: DeliveryFilter) -> int:
        """Return how many deliveries match."""
        with storage_errors():
            return await self._collection.count_documents(wanted.query(tenant_id))

    async def of_event(self, tenant_id: str, event_id: str) -> list[Delivery]:
        """Return every delivery of an event."""
        with storage_errors():
            documents = await self._collection.find({"event_id": event_id, "tenant_id": tenant_id}).to_list()
        return [delivery_from(document) for document in documents]

    async def last_attempt(self, delivery: Delivery) -> Attempt | None:
        """Return the latest attempt at a delivery's target, among its newest deliveries."""
        query = {
            "channel": delivery.channel,
            "tenant_id": delivery.tenant_id,
            "subscription_id": delivery.subscription_id,
            "recipient": delivery.recipient,
            "created_at": {"$gte": delivery.created_at - _EVIDENCE_AGE},
        }
        with storage_errors():
            documents = await self._collection.find(query).sort("created_at", DESCENDING).limit(_EVIDENCE).to_list()
        attempts = [attempt for document in documents for attempt in delivery_from(document).attempts[-1:]]
        return max(attempts, key=lambda attempt: attempt.ended_at, default=None)

    async def requeue(
        self,
        tenant_id: str,
        delivery_ids: Sequence[str],
        *,
        states: Sequence[DeliveryState],
        replay: Replay,
    ) -> list[Delivery]:
        """Make finished deliveries pending and due now, with a new round of attempts.

        Of several callers only one gets each delivery. If the caller dies before it publishes, the reconciler does.

        Args:
            tenant_id: whose they are.
            delivery_ids: which ones.
            states: the states that may be requeued.
            replay: who asked for it, and why.

        Returns:
            The requeued deliveries, as they are now.
        """
        mark = uuid4().hex
        ids = list(delivery_ids)
        query = {"_id": {"$in": ids}, "tenant_id": tenant_id, "state": {"$in": [state.value for state in states]}}
        note = {"at": replay.at, "by": {"$literal": replay.by}, "cause": {"$literal": replay.cause}}
        changes: Mapping[str, Any] = {
            "state": DeliveryState.PENDING.value,
            "round_start": "$attempts_made",
            "due_at": replay.at,
            "updated_at": replay.at,
            "reason": None,
            "detail": "",
            "replays": {"$slice": [{"$concatArrays": [{"$ifNull": ["$replays", []]}, [note]]}, -_MAX_REPLAYS]},
            "taken_up": mark,
        }
        with storage_errors():
            await self._collection.update_many(query, [{"$set": changes}])
            taken = await self._collection.find({"_id": {"$in": ids}, "taken_up": mark}).to_list()
        return [delivery_from(document) for document in taken]


def _logged(document: Document) -> LoggedDelivery:
    replays = tuple(Replay(at=note["at"], by=note["by"], cause=note["cause"]) for note in document.get("replays", []))
    return LoggedDelivery(delivery=delivery_from(document), replays=replays)
