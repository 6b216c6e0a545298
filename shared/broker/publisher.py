"""The publisher of our own processes: that of `signalpost.amqp`, which here declares the topology and takes batches.

`publish` returns only when the broker has the message safe on a queue. It waits out an absent broker; who
cannot wait puts an `asyncio.timeout` around it. Publishing and consuming never share a connection.
"""

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Final

import structlog

from shared.broker.burst import bursts, publish_burst
from shared.broker.connection import FAULTS, BrokerUnavailable, Link, declaring, look
from shared.broker.tolerance import read_any_frame
from shared.telemetry.metrics import BROKER, RECONNECTS
from shared.topology import Topology
from signalpost.amqp.confirms import CONFIRM_TIMEOUT
from signalpost.amqp.facts_log import FactsLog
from signalpost.amqp.publisher import MAX_IN_FLIGHT, ConfirmedPublisher, Unroutable, is_blocked
from signalpost.message import Outgoing

__all__ = ["MAX_BURSTS", "MAX_IN_FLIGHT", "Publisher", "Unroutable"]

MAX_BURSTS: Final = 8
"""Bursts whose confirms are awaited at once, beside the single messages."""


class Publisher(ConfirmedPublisher):
    """A confirmed publisher that heals itself; safe for any number of concurrent callers.

    With a topology it declares, at each connect, what is missing. Without one (None) it can't, so where the broker
    refuses it (unknown exchange, missing right, wrong login) it raises instead of waiting for ever.
    """

    _log: ClassVar[FactsLog] = structlog.get_logger(__name__)

    def __init__(
        self, url: str, *, name: str, topology: Topology | None, confirm_timeout: float = CONFIRM_TIMEOUT
    ) -> None:
        read_any_frame()
        super().__init__(url, name=name, prepare=declaring(topology), confirm_timeout=confirm_timeout)
        self._bursts = asyncio.Semaphore(MAX_BURSTS)

    async def publish_all(self, messages: Sequence[Outgoing]) -> None:
        """Publish many messages as `publish` does one, with few writes; they may overtake each other."""
        cut = list(bursts(messages))
        if len(cut) == 1:  # at once: a task of its own would wait for its turn
            await self._publish_burst(cut[0])
        else:
            await asyncio.gather(*(self._publish_burst(burst) for burst in cut))

    async def message_count(self, queue: str) -> int:
        """Return how many messages of a queue wait to be handed out.

        Raises:
            BrokerUnavailable: the broker can't say now.
        """
        if self._link is None or not self._link.is_open:
            raise BrokerUnavailable("there is no connection")
        try:
            declared = await look(self._link, queue)
        except FAULTS as error:
            raise BrokerUnavailable(str(error)) from error
        return declared.message_count or 0

    async def _publish_burst(self, burst: Sequence[Outgoing]) -> None:
        async with self._bursts:
            unconfirmed = await self._burst_once(await self._connected(), burst)
        await asyncio.gather(*(self.publish(message) for message in unconfirmed))

    async def _burst_once(self, link: Link, burst: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """Return what the broker did not confirm."""
        return burst if is_blocked(link) else await publish_burst(link.raw, burst)

    def _reconnected(self) -> None:
        RECONNECTS.labels(BROKER).inc()
