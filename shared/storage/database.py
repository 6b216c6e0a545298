"""The connection to MongoDB, its indexes, and `hold`: how every worker waits out an absent database.

A majority acknowledges each write, journaled, so nothing is lost if the primary dies right after.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import (
    BulkWriteError,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
)

from shared.model.reasons import DeliveryState
from shared.model.topology import EMAIL
from shared.telemetry.metrics import DATABASE, RECONNECTS
from signalpost.backoff import Backoff

Document = dict[str, Any]
Result = TypeVar("Result")

OPERATION_TIMEOUT_MS: Final = 10_000
"""Limit of every operation including its retries, so that a frozen server is noticed."""

CONFIRMATION_PERIOD: Final = 86_400
"""Seconds for which a request to confirm an address counts towards the limits."""

INDEX_OPTIONS_CONFLICT: Final = 85
PING_INTERVAL: Final = 1.0
PING_TIMEOUT: Final = 3.0

log = structlog.get_logger(__name__)


class StorageUnavailable(Exception):
    """The database is away or refuses work now; try again later."""


class Database:
    """The collections of one deployment.

    Args:
        url: the server's URL.
        name: the database's name.
        app: our name in the server's logs.
        holds: `hold` runs every operation and may repeat it. Then the driver's retryable writes are switched off,
            which cost the server a quarter of each update.
    """

    def __init__(self, url: str, name: str, *, app: str, holds: bool = False) -> None:
        self._client: AsyncMongoClient[Document] = AsyncMongoClient(
            url,
            appname=f"signalpost-{app}",
            tz_aware=True,
            w="majority",
            retryWrites=not holds,
            timeoutMS=OPERATION_TIMEOUT_MS,
            serverSelectionTimeoutMS=5_000,
        )
        database = self._client[name]
        self.subscriptions: AsyncCollection[Document] = database["subscriptions"]
        self.events: AsyncCollection[Document] = database["events"]
        self.deliveries: AsyncCollection[Document] = database["deliveries"]
        self.branding: AsyncCollection[Document] = database["branding"]
        self.idempotency: AsyncCollection[Document] = database["idempotency"]
        self.confirmations: AsyncCollection[Document] = database["confirmations"]
        self._waiting = 0
        self._answers = True
        self._has_answered, self._is_lost = False, False

    @property
    def is_ready(self) -> bool:
        """Whether the database answered when it was last asked, and no operation is being held because it is away."""
        return self._answers and self._waiting == 0

    async def watch(self) -> None:
        """Ping every second until cancelled, so that an idle process notices an absent database too."""
        self._answers = False
        while True:
            try:
                async with asyncio.timeout(PING_TIMEOUT):
                    await self.ping()
                self._answers = True
            except (StorageUnavailable, TimeoutError):
                self._answers = False
            await asyncio.sleep(PING_INTERVAL)

    async def ping(self) -> None:
        """Ping the server.

        Raises:
            StorageUnavailable: it did not answer.
        """
        # Lost until it answers: the caller may cancel this ping.
        is_lost, self._is_lost = self._is_lost, self._has_answered
        try:
            await self._client.admin.command("ping")
        except PyMongoError as error:
            raise StorageUnavailable(str(error)) from error
        if is_lost:
            RECONNECTS.labels(DATABASE).inc()
        self._has_answered, self._is_lost = True, False

    async def ensure_indexes(self, retention_days: int) -> None:
        """Create missing indexes and adapt the retention; several processes may do so at the same time."""
        for collection, indexes in self._indexes(retention_days):
            for index in indexes:
                await self.hold(lambda c=collection, i=index: self._ensure(c, i))  # type: ignore[misc]

    async def hold(self, operation: Callable[[], Awaitable[Result]]) -> Result:
        """Run a repeatable operation until the database answers.

        An absent database is our fault: the caller keeps its message unacked, and no attempt is charged. Errors about
        the data itself (duplicate keys) are passed on.
        """
        backoff = Backoff()
        waiting = False
        try:
            while True:
                try:
                    return await operation()
                except (BulkWriteError, DuplicateKeyError):
                    raise
                except PyMongoError as error:
                    if not waiting:
                        waiting = True
                        self._waiting += 1
                    log.warning("storage.waits", error=f"{type(error).__name__}: {error}"[:300])
                    await backoff.wait()
        finally:
            self._waiting -= waiting

    async def _ensure(self, collection: AsyncCollection[Document], index: IndexModel) -> None:
        try:
            await collection.create_indexes([index])
        except OperationFailure as error:
            expiry = index.document.get("expireAfterSeconds")
            if error.code != INDEX_OPTIONS_CONFLICT or expiry is None:
                raise
            changed = {"name": index.document["name"], "expireAfterSeconds": expiry}
            await collection.database.command({"collMod": collection.name, "index": changed})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _indexes(self, retention_days: int) -> list[tuple[AsyncCollection[Document], list[IndexModel]]]:
        expiry = retention_days * 86_400
        newest_first = [("created_at", DESCENDING), ("_id", DESCENDING)]
        return [
            (
                self.subscriptions,
                [
                    IndexModel([("tenant_id", ASCENDING), ("events", ASCENDING), ("subject", ASCENDING)]),
                    IndexModel([("tenant_id", ASCENDING), *newest_first]),
                ],
            ),
            (
                self.events,
                [
                    IndexModel([("tenant_id", ASCENDING), *newest_first]),
                    IndexModel([("pending_since", ASCENDING)], name="pending", sparse=True),
                    IndexModel([("created_at", ASCENDING)], name="retention", expireAfterSeconds=expiry),
                ],
            ),
            (
                self.deliveries,
                [
                    IndexModel([("tenant_id", ASCENDING), *newest_first]),
                    IndexModel([("subscription_id", ASCENDING), *newest_first]),
                    IndexModel(
                        [("tenant_id", ASCENDING), *newest_first],
                        name="dead_letters",
                        partialFilterExpression={"state": DeliveryState.DEAD.value},
                    ),
                    IndexModel([("event_id", ASCENDING)]),
                    IndexModel(
                        [("tenant_id", ASCENDING), ("export_id", ASCENDING), *newest_first],
                        name="billing_exports",
                        partialFilterExpression={"export_id": {"$exists": True}},
                    ),
                    IndexModel(
                        [("recipient", ASCENDING), *newest_first],
                        name="mails",
                        partialFilterExpression={"channel": EMAIL},
                    ),
                    # Holds only deliveries with something left to do, so the reconciler's search stays small.
                    IndexModel([("due_at", ASCENDING)], name="due", sparse=True),
                    IndexModel([("created_at", ASCENDING)], name="retention", expireAfterSeconds=expiry),
                ],
            ),
            (
                self.idempotency,
                [IndexModel([("created_at", ASCENDING)], name="retention", expireAfterSeconds=expiry)],
            ),
            (
                self.confirmations,
                [
                    IndexModel([("tenant_id", ASCENDING), ("asked_at", ASCENDING)]),
                    IndexModel([("asked_at", ASCENDING)], name="retention", expireAfterSeconds=CONFIRMATION_PERIOD),
                ],
            ),
        ]
