"""Publishes with `mandatory` and publisher confirms, over one connection that is reopened when lost.

`publish` returns only when the broker has the message safe on a queue. It waits out an absent broker; who
cannot wait puts an `asyncio.timeout` around it. Publishing and consuming never share a connection.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import ClassVar, Final
from uuid import uuid4

from aiormq.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic

from signalpost.amqp.connection import CONFIRM_TIMEOUT, AmqpConnection
from signalpost.amqp.facts_log import FactsLog, StandardLog
from signalpost.amqp.faults import FAULTS, BrokerRefused, BrokerUnavailable, is_refusal
from signalpost.amqp.opening import Declarations, open_connection
from signalpost.backoff import Backoff
from signalpost.message import Outgoing

MAX_IN_FLIGHT: Final = 1000
"""Confirms awaited at once; one at a time is five times slower, unbounded fills memory while the broker blocks."""
REFUSALS_WITHIN: Final = 5.0
"""Seconds for which a connection is kept although the broker refuses messages on it; after that another is opened.
A channel that first meets a quorum queue while its leader is lost goes on asking the lost node, and refuses messages
although the queue has a new leader (seen on RabbitMQ 3.10.8); a new channel knows better."""


class Unroutable(Exception):
    """The broker returned the message because no queue is bound for its routing key."""


class ConfirmedPublisher:
    """A confirmed publisher that heals itself; safe for any number of concurrent callers.

    With declarations it makes, at each connect, what is missing. Without them (None) it can't, so where the broker
    refuses it (unknown exchange, missing right, wrong login) it raises instead of trying on.
    """

    _log: ClassVar[FactsLog] = StandardLog()

    def __init__(
        self,
        url: str,
        *,
        name: str,
        declarations: Declarations | None = None,
        confirm_timeout: float = CONFIRM_TIMEOUT,
    ) -> None:
        self._url, self._name, self._declarations, self._confirm_timeout = url, name, declarations, confirm_timeout
        self._connection: AmqpConnection | None = None
        self._connecting: asyncio.Task[AmqpConnection] | None = None
        self._opened_at = 0.0
        self._refused: set[tuple[str, str]] = set()
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)

    @property
    def is_ready(self) -> bool:
        """Whether a publish is likely to be confirmed now: connected, not blocked by an alarm, not stalled."""
        return self._connection is not None and self._connection.is_answering

    @property
    def state(self) -> str:
        """The broker's state in words: connected, blocked by an alarm, or away."""
        if self._connection is None or not self._connection.is_open:
            return "away"
        return "blocked by a memory or disk alarm" if self._connection.is_blocked else "connected"

    async def connect(self) -> None:
        """Open the connection if there is none.

        Raises:
            BrokerUnavailable: the broker could not be reached this time.
        """
        if self._connection is not None and self._connection.is_open:
            return
        if self._connecting is not None and not self._connecting.done():
            raise BrokerUnavailable("the connection is being opened")
        self._connecting = asyncio.create_task(self._open())
        await asyncio.shield(self._connecting)

    async def publish(self, message: Outgoing) -> None:
        """Publish and wait for the broker's confirm, through any number of reconnects.

        A connection lost before the confirm makes it publish again, so a message may come twice.

        Raises:
            Unroutable: no queue takes this routing key, and this publisher declares nothing.
            BrokerRefused: the broker says no, and this publisher declares nothing.
        """
        async with self._slots:
            backoff = Backoff()
            while not await self._publish_once(await self._connected(), message):
                await backoff.wait()

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            await self._connection.close()

    async def _publish_once(self, connection: AmqpConnection, message: Outgoing) -> bool:
        """Return whether the broker confirmed; if not, publishing again may help."""
        if is_full(connection):
            self._log.warning("broker.confirms_nothing", name=self._name)
            return False
        try:
            async with connection.waiting():
                await connection.channel.basic_publish(
                    message.body,
                    exchange=message.exchange,
                    routing_key=message.routing_key,
                    mandatory=True,
                    wait=False,  # the confirm says more than a drained socket
                    properties=properties_of(message),
                )
        except PublishError as error:
            if self._declarations is None:
                raise Unroutable(f"no queue is bound to {message.exchange!r} for {message.routing_key!r}") from error
            # Somebody deleted a queue that we declare; opening a new connection declares it again.
            self._log.warning("broker.unroutable", exchange=message.exchange, routing_key=message.routing_key)
            await connection.close()
            return False
        except DeliveryError:
            self._note_refusal(message)
            if time.monotonic() - self._opened_at > REFUSALS_WITHIN:
                await connection.close()
            return False
        except FAULTS as error:
            if self._declarations is None and is_refusal(error) and _concerns(error, message):
                raise BrokerRefused(str(error)) from error
            return False
        return True

    def _note_refusal(self, message: Outgoing) -> None:
        """Log a refusal once for each connection and route: thousands may be refused, each of them many times."""
        route = (message.exchange, message.routing_key)
        if route not in self._refused:
            self._refused.add(route)
            self._log.warning("broker.publish_refused", exchange=message.exchange, routing_key=message.routing_key)

    def _reconnected(self) -> None:
        """Take note that a lost connection was replaced."""

    async def _connected(self) -> AmqpConnection:
        """Return the open connection, which all callers wait for together while there is none."""
        while self._connection is None or not self._connection.is_open:
            if self._connecting is None or self._connecting.done():
                self._connecting = asyncio.create_task(self._reconnect())
            try:
                # Shielded: one caller that gives up must not take the connection from the others.
                return await asyncio.shield(self._connecting)
            except BrokerUnavailable as error:  # it was the one try of `connect`, or a refusal
                if self._declarations is None and is_refusal(error):
                    raise
        return self._connection

    async def _reconnect(self) -> AmqpConnection:
        backoff = Backoff()
        while True:
            try:
                return await self._open()
            except BrokerUnavailable as error:
                if self._declarations is None and is_refusal(error):
                    raise
                self._log.warning("broker.publisher_waits", name=self._name, error=str(error))
                await backoff.wait()

    async def _open(self) -> AmqpConnection:
        last = self._connection
        if last is not None:
            await last.close()
        connection = await open_connection(
            self._url,
            name=self._name,
            confirms=True,
            declarations=self._declarations,
            confirm_timeout=self._confirm_timeout,
            last=last,
            log=self._log,
        )
        self._opened_at = time.monotonic()
        self._refused.clear()
        if last is not None:
            self._reconnected()
        self._connection = connection  # here: those who wait for it may all have given up
        return connection


def properties_of(message: Outgoing) -> Basic.Properties:
    """Return a message's AMQP properties: persistent, and with an id of this publish alone."""
    return Basic.Properties(
        content_type=message.content_type,
        delivery_mode=2,
        message_id=uuid4().hex,  # unique for each publish: returned messages are matched by it
        timestamp=datetime.now(UTC),
        app_id="signalpost",
        headers=dict(message.headers),
    )


def is_full(connection: AmqpConnection) -> bool:
    """Tell whether it confirms nothing: what callers gave up still lies in the socket's buffer, so add no more."""
    return len(connection.channel.confirmations) >= MAX_IN_FLIGHT


def _concerns(refusal: BaseException, message: Outgoing) -> bool:
    """Tell whether a refusal is about this message; it closes the channel over every other one in flight as well.

    Only a topic permission (a right for some routing keys) can let one message in and the other not.
    """
    _, is_about_topic, rest = str(refusal).partition(" to topic ")
    return not is_about_topic or rest.startswith(f"'{message.routing_key}'")
