"""Reads queues the way an operator does: what lies in them, without taking it out.

A message that is looked at is held unacked until the browser closes, and then returns to its place. Each look counts
as a delivery, so only queues with a high delivery limit (the dead-letter queues) are to be browsed.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

import structlog
from aio_pika.exceptions import ChannelNotFoundEntity
from aiormq.abc import DeliveredMessage

from shared.broker.message import Message
from shared.broker.opening import open_connection
from signalpost.amqp.connection import AmqpConnection
from signalpost.amqp.faults import FAULTS, BrokerRefused, BrokerUnavailable, is_refusal

WINDOW = 100
"""Messages of up to 1 MiB that may be on their way to us at once."""
RETURNED_IN_ORDER = 32
"""RabbitMQ keeps the order of so many messages that return with one command: beyond it Erlang's maps have none."""
PATIENCE = 1.0
"""Seconds without a message after which we ask whether others have taken what we still expect."""
LOOKS = 30
"""So often the broker may say that there is more, and hand out nothing."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class QueueState:
    """What the broker says of a queue."""

    messages: int
    """Those that wait; what consumers hold unacked is not counted."""
    consumers: int


class Parked(Message):
    """A message that lies in a queue."""

    __slots__ = ("message_id", "published_at")

    def __init__(self, message: DeliveredMessage) -> None:
        super().__init__(message)
        properties = message.header.properties
        self.message_id: str = properties.message_id or ""
        time = properties.timestamp
        self.published_at: datetime | None = time if isinstance(time, datetime) else None


class Browser:
    """Goes through what waits in a queue now, from its head on."""

    def __init__(self, connection: AmqpConnection, queue: str, waiting: int) -> None:
        self._connection, self._queue = connection, queue
        self.waiting = waiting
        """How many messages waited at the start; what comes later is left for the next time."""
        self._arrived: asyncio.Queue[Parked] = asyncio.Queue()
        self._held: dict[int, str] = {}  # delivery tags, in the order in which they came, and their windows
        self._windows: list[str] = []

    async def messages(self) -> AsyncIterator[Parked]:
        """Yield each message; those that are not removed are back in the queue when the browser closes.

        Raises:
            BrokerUnavailable: the connection was lost; what was not removed is back.
        """
        for _ in range(self.waiting):
            message = await self._next()
            if message is None:
                return
            yield message

    async def remove(self, message: Parked) -> None:
        """Take a message out of the queue for good."""
        try:
            await self._connection.ask(self._connection.channel.basic_ack(message.tag, wait=False))
        except FAULTS:
            log.info("broker.ack_lost", messages=1)  # it is back in the queue
        del self._held[message.tag]

    async def give_back(self) -> None:
        """Return what is held, in order; closing alone would return the windows in any order."""
        channel = self._connection.channel
        try:
            for window in self._windows:
                await self._connection.unsubscribe(window)
            for _, held in groupby(self._held.items(), key=itemgetter(1)):
                tags = [tag for tag, _ in held]
                for start in range(0, len(tags), RETURNED_IN_ORDER):
                    last = tags[start : start + RETURNED_IN_ORDER][-1]
                    await self._connection.ask(channel.basic_nack(last, multiple=True, wait=False))
                    # Without an answer in between, the broker's channel adds the next command to this one.
                    await _state(self._connection, self._queue)
        except (BrokerUnavailable, *FAULTS):
            return  # the broker has all of it back, with the connection

    async def _next(self) -> Parked | None:
        for _ in range(LOOKS):
            if self._arrived.empty() and len(self._held) == len(self._windows) * WINDOW:
                await self._open_window()
            try:
                async with asyncio.timeout(PATIENCE):
                    return await self._arrived.get()
            except TimeoutError:
                if (await _state(self._connection, self._queue)).messages == 0:
                    # What the queue handed out before it said so may still be on its way to us: it comes before
                    # the answer to a further question, however slow this machine is.
                    await _state(self._connection, self._queue)
                    if self._arrived.empty():
                        return None
        raise BrokerUnavailable(f"{self._queue} holds messages and hands out none: try again")

    async def _open_window(self) -> None:
        """Let more messages come although those before are still held: each window is one more consumer."""
        window = f"window-{len(self._windows)}"
        try:
            await self._connection.subscribe(self._queue, self._on_message, tag=window, prefetch=WINDOW)
        except FAULTS as error:
            raise _fault(error) from error
        self._windows.append(window)

    async def _on_message(self, message: DeliveredMessage) -> None:
        parked = Parked(message)
        self._held[parked.tag] = message.consumer_tag or ""
        self._arrived.put_nowait(parked)


@asynccontextmanager
async def browse(url: str, queue: str, *, name: str) -> AsyncIterator[Browser]:
    """Open a browser over a connection of its own.

    Raises:
        BrokerRefused: there is no such queue, or we may not read it.
        BrokerUnavailable: the broker is away.
    """
    connection = await open_connection(url, name=name, confirms=False, topology=None)
    try:
        browser = Browser(connection, queue, (await _state(connection, queue)).messages)
        try:
            yield browser
        finally:
            await browser.give_back()
    finally:
        await connection.close()


async def peek(url: str, queue: str, *, name: str) -> Parked | None:
    """Return the message at the head of a queue, which is back in its place at once; None if there is none.

    Raises:
        BrokerRefused: there is no such queue, or we may not read it.
        BrokerUnavailable: the broker is away.
    """
    connection = await open_connection(url, name=name, confirms=False, topology=None)
    try:
        message = await connection.ask(connection.channel.basic_get(queue))
    except FAULTS as error:
        raise _fault(error) from error
    finally:
        await connection.close()
    return Parked(message) if message.delivery_tag else None


async def queue_states(url: str, queues: Sequence[str], *, name: str) -> dict[str, QueueState | None]:
    """Return what the broker says of these queues; None for one that does not exist. Nothing is declared.

    Raises:
        BrokerRefused: we may not come in.
        BrokerUnavailable: the broker is away.
    """
    states: dict[str, QueueState | None] = {}
    connection = await open_connection(url, name=name, confirms=False, topology=None)
    try:
        for queue in queues:
            if not connection.is_open:  # the answer to a name that does not exist closes the channel
                await connection.close()
                connection = await open_connection(url, name=name, confirms=False, topology=None)
            try:
                states[queue] = await _state(connection, queue)
            except BrokerUnavailable as error:
                if not isinstance(error.__cause__, ChannelNotFoundEntity):
                    raise
                states[queue] = None
    finally:
        await connection.close()
    return states


async def _state(connection: AmqpConnection, queue: str) -> QueueState:
    try:
        declared = await connection.look(queue)
    except FAULTS as error:
        raise _fault(error) from error
    return QueueState(messages=declared.message_count or 0, consumers=declared.consumer_count or 0)


def _fault(error: BaseException) -> BrokerUnavailable:
    return (BrokerRefused if is_refusal(error) else BrokerUnavailable)(str(error))
