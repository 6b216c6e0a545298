"""Acks in groups: what is settled within a few milliseconds is told to the broker in as few frames as it can be.

A frame for each message is the larger half of what settling costs a quorum queue, because each becomes an entry of
its log. Acking late is harmless: what a crash makes the broker hand out again is found settled in the database.
"""

import asyncio
from typing import Final

import structlog

from signalpost.amqp.connection import AmqpConnection
from signalpost.amqp.faults import FAULTS

ACK_WINDOW: Final = 0.005
"""Seconds in which acks are gathered."""

log = structlog.get_logger(__name__)


class Acks:
    """The acks of one connection. Every message must be announced by `handed_out` in the order of delivery."""

    def __init__(self, connection: AmqpConnection) -> None:
        self._connection = connection
        self._open: dict[int, bool] = {}  # by delivery tag, in order; whether it is settled
        self._settled: list[int] = []
        self._flushing: asyncio.Task[None] | None = None

    def handed_out(self, tag: int) -> None:
        """Note that the broker waits for this message's ack."""
        self._open[tag] = False

    def settle(self, tag: int) -> None:
        """Have a message acked with the next group."""
        self._open[tag] = True
        self._settled.append(tag)
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush_soon())

    async def flushed(self) -> None:
        """Wait until what was settled so far is on its way."""
        while self._flushing is not None:
            await asyncio.wait([self._flushing])

    async def _flush_soon(self) -> None:
        """Send one group after the other, until nothing is settled that is not sent.

        Never two at once: a later group's ack of all the oldest would overtake the rest of an earlier group, and the
        broker closes a channel on which a message is acked twice.
        """
        try:
            while self._settled:
                await asyncio.sleep(ACK_WINDOW)
                settled, self._settled = self._settled, []
                await self._send(settled)
        finally:
            self._flushing = None

    async def _send(self, settled: list[int]) -> None:
        try:
            async with self._connection.waiting():
                for tag, multiple in self._frames(settled):
                    await self._connection.channel.basic_ack(tag, multiple=multiple, wait=False)
        except FAULTS:
            log.info("broker.ack_lost", messages=len(settled))  # they will come again, redelivered

    def _frames(self, settled: list[int]) -> list[tuple[int, bool]]:
        """Return the acks to send: one for all of the oldest messages without a gap, and one for each other."""
        newest_of_run = 0
        for tag, is_settled in self._open.items():
            if not is_settled:
                break
            newest_of_run = tag
        frames = [(newest_of_run, True)] if newest_of_run else []
        frames += [(tag, False) for tag in settled if tag > newest_of_run]
        for tag in settled:
            del self._open[tag]
        return frames
