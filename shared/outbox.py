"""Committed means published: for producers that write events and business data to MongoDB in one transaction.

    async with client.start_session() as session, await session.start_transaction():
        await orders.insert_one(order, session=session)
        await outbox.add(event, session=session)

An `OutboxRelay` beside it publishes with confirms and removes an event only afterwards. A crash in between publishes
it twice, with the same identity, which Signalpost takes for one event.
"""

import asyncio
from typing import Final

import structlog

from shared.catalogue.checking import read_event
from shared.model.event import InvalidMessage
from shared.process.backoff import Backoff
from shared.producer.errors import PublishError
from shared.producer.publisher import EventPublisher
from shared.storage import StorageUnavailable
from shared.storage.outbox import Outbox, OutboxRow

__all__ = ["Outbox", "OutboxRelay", "OutboxRow"]

BATCH: Final = 200
POLL: Final = 0.5
"""Seconds between two looks at an empty outbox: what a committed event waits at most."""
LEASE: Final = 60.0
"""Seconds for which a relay that died keeps its events from the others; longer than a publish may take."""
RETRY_AFTER: Final = 5.0

log = structlog.get_logger(__name__)


class OutboxRelay:
    """Publishes what is in an outbox, oldest first. Several may run at once, in any process."""

    def __init__(
        self,
        outbox: Outbox,
        publisher: EventPublisher,
        *,
        batch: int = BATCH,
        poll: float = POLL,
        lease: float = LEASE,
    ) -> None:
        self._outbox, self._publisher = outbox, publisher
        self._batch, self._poll, self._lease = batch, poll, lease
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Relay until `stop`, waiting out an absent broker or database."""
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                claimed = await self.relay_batch()
            except StorageUnavailable as error:
                log.warning("outbox.waits", error=str(error)[:300])
                await backoff.wait_unless(self._stopping)
                continue
            backoff.reset()
            if claimed < self._batch:
                await self._pause()

    def stop(self) -> None:
        """Let `run` return when the batch in hand is done."""
        self._stopping.set()

    async def relay_batch(self) -> int:
        """Publish one batch of what is due and return how many events that were, published or not.

        Raises:
            StorageUnavailable: the database is away; what was published may be published again.
        """
        rows = await self._outbox.claim(limit=self._batch, lease=self._lease)
        if not rows:
            return 0
        # Begun in order and confirmed together: one at a time would be several times slower.
        failures = await asyncio.gather(*(self._publish(row) for row in rows))
        outcomes = list(zip(rows, failures, strict=True))
        await self._outbox.remove([row for row, failure in outcomes if failure is None])
        for row, failure in outcomes:
            if failure is not None:
                await self._settle(row, failure)
        return len(rows)

    async def _publish(self, row: OutboxRow) -> PublishError | InvalidMessage | None:
        try:
            await self._publisher.publish(read_event(row.body, self._outbox.catalogue))
        except (PublishError, InvalidMessage) as error:
            return error
        return None

    async def _settle(self, row: OutboxRow, failure: PublishError | InvalidMessage) -> None:
        """Put back what could not be published now, and aside what never can be: it must not block the others."""
        if isinstance(failure, InvalidMessage):
            log.error("outbox.parked", row=str(row.id), reason=str(failure))
            await self._outbox.park(row, reason=str(failure))
        else:
            log.warning("outbox.put_back", row=str(row.id), error=str(failure))
            await self._outbox.put_back(row, wait=RETRY_AFTER, error=str(failure))

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._poll):
                await self._stopping.wait()
        except TimeoutError:
            pass  # the usual end of a pause
