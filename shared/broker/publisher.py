"""The publisher of our own processes: that of `signalpost.amqp`, which here declares the topology and takes batches.

`publish` returns only when the broker has the message safe on a queue. It waits out an absent broker; who
cannot wait puts an `asyncio.timeout` around it. Publishing and consuming never share a connection.
"""

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Final

import structlog

from shared.broker.batch_publish import batches, publish_batch
from shared.broker.lenient_decoding import read_any_frame
from shared.broker.opening import declaring
from shared.model.routing import Outgoing
from shared.model.topology import Topology
from shared.telemetry.metrics import BROKER, RECONNECTS
from signalpost.amqp.connection import CONFIRM_TIMEOUT, AmqpConnection
from signalpost.amqp.facts_log import FactsLog
from signalpost.amqp.faults import FAULTS, BrokerUnavailable
from signalpost.amqp.publisher import ConfirmedPublisher, is_full

MAX_BATCHES: Final = 8
"""Batches whose confirms are awaited at once, beside the single messages."""


class Publisher(ConfirmedPublisher):
    """A confirmed publisher that heals itself; safe for any number of concurrent callers.

    With a topology it declares, at each connect, what is missing. Without one (None) it can't, so where the broker
    refuses it (unknown exchange, missing right, wrong login) it raises instead of trying on.
    """

    _log: ClassVar[FactsLog] = structlog.get_logger(__name__)

    def __init__(
        self, url: str, *, name: str, topology: Topology | None, confirm_timeout: float = CONFIRM_TIMEOUT
    ) -> None:
        read_any_frame()
        super().__init__(url, name=name, declarations=declaring(topology), confirm_timeout=confirm_timeout)
        self._batches = asyncio.Semaphore(MAX_BATCHES)

    async def publish_all(self, messages: Sequence[Outgoing]) -> None:
        """Publish many messages as `publish` does one, with few writes; they may overtake each other."""
        cut = list(batches(messages))
        if len(cut) == 1:  # at once: a task of its own would wait for its turn
            await self._publish_batch(cut[0])
        else:
            await asyncio.gather(*(self._publish_batch(batch) for batch in cut))

    async def message_count(self, queue: str) -> int:
        """Return how many messages of a queue wait to be handed out.

        Raises:
            BrokerUnavailable: the broker can't say now.
        """
        if self._connection is None or not self._connection.is_open:
            raise BrokerUnavailable("there is no connection")
        if self._connection.is_blocked:  # it reads no question either
            raise BrokerUnavailable("the broker takes nothing now: it has a memory or disk alarm")
        try:
            declared = await self._connection.look(queue)
        except FAULTS as error:
            raise BrokerUnavailable(str(error)) from error
        return declared.message_count or 0

    async def _publish_batch(self, batch: Sequence[Outgoing]) -> None:
        async with self._batches:
            unconfirmed = await self._batch_once(await self._connected(), batch)
        await asyncio.gather(*(self.publish(message) for message in unconfirmed))

    async def _batch_once(self, connection: AmqpConnection, batch: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """Return what the broker did not confirm."""
        return batch if is_full(connection) else await publish_batch(connection, batch)

    def _reconnected(self) -> None:
        RECONNECTS.labels(BROKER).inc()
