"""Consumes one queue, over one connection that is reopened when lost, and drains before it stops.

Each message runs in a task of its own which outlives the channel it came from: what was sent is still
recorded when the broker goes away in between, and the redelivered copy then finds it done.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog
from aiormq.abc import DeliveredMessage

from shared.broker.acks import Acks
from shared.broker.message import Message
from shared.broker.opening import open_connection
from shared.model.topology import Topology
from shared.telemetry.metrics import BROKER, RECONNECTS
from signalpost.amqp.connection import AmqpConnection
from signalpost.amqp.faults import FAULTS, BrokerUnavailable
from signalpost.backoff import Backoff

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 45.0
"""How long a stop waits for what is in flight: longer than any attempt takes, shorter than patience with a pod."""


class Incoming(Message):
    """A message from a queue, to be acked once and for all by `ack`."""

    __slots__ = ("_acks",)

    def __init__(self, message: DeliveredMessage, acks: Acks) -> None:
        super().__init__(message)
        self._acks = acks
        acks.handed_out(self.tag)

    def ack(self) -> None:
        """Have the broker told that it is settled; if the channel is gone it will come again, redelivered."""
        self._acks.settle(self.tag)


Handler = Callable[[Incoming], Coroutine[Any, Any, None]]


class Consumer:
    """Hands each message of a queue to a handler, with at most `prefetch` unacked at a time."""

    def __init__(
        self, url: str, queue: str, *, name: str, prefetch: int, topology: Topology, handler: Handler
    ) -> None:
        self._url, self._queue, self._name = url, queue, name
        self._prefetch, self._topology, self._handler = prefetch, topology, handler
        self._in_flight: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._connection: AmqpConnection | None = None
        self._acks: Acks | None = None
        self._consuming = False

    @property
    def is_ready(self) -> bool:
        """Whether messages can arrive right now."""
        return self._consuming and self._connection is not None and self._connection.is_answering

    @property
    def in_flight(self) -> int:
        """How many messages are being worked on."""
        return len(self._in_flight)

    async def run(self) -> None:
        """Consume until `stop`, reconnecting for as long as it takes."""
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                await self._consume_until_lost(backoff)
            except (BrokerUnavailable, *FAULTS) as error:
                log.warning("broker.consumer_waits", queue=self._queue, error=repr(error))
                await backoff.wait_unless(self._stopping)

    async def stop(self) -> None:
        """Take no more messages, finish and ack those in flight, then close."""
        self._stopping.set()
        connection, self._consuming = self._connection, False
        if connection is not None and connection.is_open:
            try:
                await connection.unsubscribe(self._name)
            except FAULTS:
                log.info("broker.cancel_lost", queue=self._queue)
        await self._drain()
        if self._acks is not None:
            await self._acks.flushed()
        if connection is not None:
            await connection.close()

    async def _drain(self) -> None:
        """Let what is in flight finish; what can't in time comes again, redelivered, and is then checked."""
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=DRAIN_SECONDS)
        unfinished = list(self._in_flight)
        if unfinished:
            log.warning("broker.drain_incomplete", queue=self._queue, messages=len(unfinished))
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    async def _consume_until_lost(self, backoff: Backoff) -> None:
        is_again = self._connection is not None
        connection = await open_connection(
            self._url, name=self._name, confirms=False, topology=self._topology, last=self._connection
        )
        if self._stopping.is_set():  # `stop` has been here, and knew nothing of this connection
            await connection.close()
            return
        self._connection = connection
        if is_again:
            RECONNECTS.labels(BROKER).inc()
        self._acks = acks = Acks(connection)
        try:
            callback = partial(self._on_message, acks)
            await connection.subscribe(self._queue, callback, tag=self._name, prefetch=self._prefetch)
            self._consuming = True
            backoff.reset()
            log.info("broker.consuming", queue=self._queue)
            await self._until_stopped_or_lost(connection)
        finally:
            if not self._stopping.is_set():  # else `stop` drains it first
                self._consuming = False
                await connection.close()
        if not self._stopping.is_set():
            raise BrokerUnavailable("the connection was lost, or the broker cancelled the consumer")

    async def _until_stopped_or_lost(self, connection: AmqpConnection) -> None:
        # A broker that deletes or moves the queue cancels the consumer and leaves the connection open:
        # without this callback the process would sit there, healthy to look at, and consume nothing.
        cancelled = asyncio.Event()
        connection.channel.on_consumer_cancel_callbacks.add(lambda *_: cancelled.set())
        waits = [asyncio.ensure_future(wait) for wait in (self._stopping.wait(), cancelled.wait(), connection.lost())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _on_message(self, acks: Acks, message: DeliveredMessage) -> None:
        task = asyncio.create_task(self._handler(Incoming(message, acks)))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
