"""Publishes what is in an outbox, and removes an event only after it was published.

A crash in between publishes it twice, with the same identity, which Signalpost takes for one event.
"""

import asyncio
import logging
from typing import Final, Protocol

from signalpost.backoff import Backoff
from signalpost.checking import read_event
from signalpost.cloudevent import Event, InvalidMessage
from signalpost.outbox.rows import Outbox, OutboxRow, OutboxUnavailable
from signalpost.producer.errors import PublishError

BATCH: Final = 200
POLL: Final = 0.5
"""Seconds between two looks at an empty outbox: what a committed event waits at most."""
LEASE: Final = 60.0
"""Seconds for which a relay that died keeps its events from the others; longer than a publish may take."""
RETRY_AFTER: Final = 5.0

log = logging.getLogger(__name__)


class Publishes(Protocol):
    """A publisher, over AMQP or over HTTP."""

    async def publish(self, event: Event, /) -> Event:
        """Publish an event, or raise a PublishError."""
        ...


class OutboxRelay:
    """Publishes what is in an outbox, oldest first. Several may run at once, in any process."""

    def __init__(
        self,
        outbox: Outbox,
        publisher: Publishes,
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
            except OutboxUnavailable as error:
                log.warning("the outbox can't be read now: %.300s", error)
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
            OutboxUnavailable: the database is away; what was published may be published again.
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
            log.error("outbox row %s can never be published: %s", row.id, failure)
            await self._outbox.park(row, reason=str(failure))
        else:
            log.warning("outbox row %s is not published yet: %s", row.id, failure)
            await self._outbox.put_back(row, wait=RETRY_AFTER, error=str(failure))

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._poll):
                await self._stopping.wait()
        except TimeoutError:
            pass  # the usual end of a pause
