"""Publishes with `mandatory` and publisher confirms, over one connection that is reopened when lost.

`publish` returns only when the broker has the message safe on a queue. It waits out an absent broker; who
cannot wait puts an `asyncio.timeout` around it. Publishing and consuming never share a connection.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import ClassVar, Final
from uuid import uuid4

from aio_pika.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic

from signalpost.amqp.confirms import CONFIRM_TIMEOUT, confirm_overdue
from signalpost.amqp.connection import (
    FAULTS,
    BrokerRefused,
    BrokerUnavailable,
    Link,
    Prepare,
    is_refusal,
    open_link,
    raise_if_ours,
)
from signalpost.amqp.facts_log import FactsLog, StandardLog
from signalpost.backoff import Backoff
from signalpost.message import Outgoing

MAX_IN_FLIGHT: Final = 1000
"""Confirms awaited at once; one at a time is five times slower, unbounded fills memory while the broker blocks."""
REFUSALS_WITHIN: Final = 5.0
"""Seconds for which a link is kept although the broker refuses messages on it; after that another is opened.
A channel that first meets a quorum queue while its leader is lost goes on asking the lost node, and refuses messages
for ever although the queue has a new leader (seen on RabbitMQ 3.10.8); a new channel knows better."""


class Unroutable(Exception):
    """The broker returned the message because no queue is bound for its routing key."""


class ConfirmedPublisher:
    """A confirmed publisher that heals itself; safe for any number of concurrent callers.

    With `prepare` it declares, at each connect, what is missing. Without it (None) it can't, so where the broker
    refuses it (unknown exchange, missing right, wrong login) it raises instead of waiting for ever.
    """

    _log: ClassVar[FactsLog] = StandardLog()

    def __init__(
        self, url: str, *, name: str, prepare: Prepare | None = None, confirm_timeout: float = CONFIRM_TIMEOUT
    ) -> None:
        self._url, self._name, self._prepare, self._confirm_timeout = url, name, prepare, confirm_timeout
        self._link: Link | None = None
        self._watching: asyncio.Task[None] | None = None
        self._connecting: asyncio.Task[Link] | None = None
        self._opened_at = 0.0
        self._refused: set[tuple[str, str]] = set()
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)

    @property
    def is_ready(self) -> bool:
        """Whether the connection is open right now."""
        return self._link is not None and self._link.is_open

    async def connect(self) -> None:
        """Open the connection if there is none.

        Raises:
            BrokerUnavailable: the broker could not be reached this time.
        """
        if self.is_ready:
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
        for task in (self._connecting, self._watching):
            if task is not None:
                task.cancel()
        if self._link is not None:
            await self._link.close()

    def _reconnected(self) -> None:
        """Take note that a lost connection was replaced."""

    async def _publish_once(self, link: Link, message: Outgoing) -> bool:
        """Return whether the broker confirmed; if not, publishing again may help."""
        try:
            if is_blocked(link):
                self._log.warning("broker.confirms_nothing", name=self._name)
                return False
            await link.raw.basic_publish(
                message.body,
                exchange=message.exchange,
                routing_key=message.routing_key,
                mandatory=True,
                wait=False,  # the confirm says more than a drained socket
                properties=properties_of(message),
            )
        except PublishError as error:
            if self._prepare is None:
                raise Unroutable(f"no queue is bound to {message.exchange!r} for {message.routing_key!r}") from error
            # Somebody deleted a queue that we declare; opening a new link declares it again.
            self._log.warning("broker.unroutable", exchange=message.exchange, routing_key=message.routing_key)
            await link.close()
            return False
        except DeliveryError:
            self._note_refusal(message)
            if time.monotonic() - self._opened_at > REFUSALS_WITHIN:
                await link.close()
            return False
        except FAULTS as error:
            if self._prepare is None and is_refusal(error) and _concerns(error, message):
                raise BrokerRefused(str(error)) from error
            return False
        except asyncio.CancelledError:
            raise_if_ours()
            return False
        return True

    def _note_refusal(self, message: Outgoing) -> None:
        """Log a refusal, but once for each link and route: thousands may be refused, and each of them many times."""
        route = (message.exchange, message.routing_key)
        if route not in self._refused:
            self._refused.add(route)
            self._log.warning("broker.publish_refused", exchange=message.exchange, routing_key=message.routing_key)

    async def _connected(self) -> Link:
        """Return the open link, which all callers wait for together while there is none."""
        while self._link is None or not self._link.is_open:
            if self._connecting is None or self._connecting.done():
                self._connecting = asyncio.create_task(self._reconnect())
            try:
                # Shielded: one caller that gives up must not take the connection from the others.
                return await asyncio.shield(self._connecting)
            except BrokerUnavailable as error:  # it was the one try of `connect`, or a refusal
                if self._prepare is None and is_refusal(error):
                    raise
        return self._link

    async def _reconnect(self) -> Link:
        backoff = Backoff()
        while True:
            try:
                return await self._open()
            except BrokerUnavailable as error:
                if self._prepare is None and is_refusal(error):
                    raise
                self._log.warning("broker.publisher_waits", name=self._name, error=str(error))
                await backoff.wait()

    async def _open(self) -> Link:
        lost = self._link
        if self._watching is not None:
            self._watching.cancel()
        if lost is not None:
            await lost.close()
        link = await open_link(self._url, name=self._name, confirms=True, prepare=self._prepare)
        self._opened_at = time.monotonic()
        self._refused.clear()
        if lost is not None:
            self._reconnected()
        self._link = link  # here: those who wait for it may all have given up
        self._watching = asyncio.create_task(self._give_up_when_overdue(link))
        return link

    async def _give_up_when_overdue(self, link: Link) -> None:
        """Close a link on which confirms stop coming: who waits for them publishes again, on the next one."""
        await confirm_overdue(link, after=self._confirm_timeout)
        if link.is_open:
            self._log.warning("broker.confirm_overdue", name=self._name, messages=len(link.raw.confirmations))
            await link.close()


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


def is_blocked(link: Link) -> bool:
    """Tell whether it confirms nothing: what callers gave up still lies in the socket's buffer, so add no more."""
    return len(link.raw.confirmations) >= MAX_IN_FLIGHT


def _concerns(refusal: BaseException, message: Outgoing) -> bool:
    """Tell whether a refusal is about this message; it closes the channel over every other one in flight as well.

    Only a topic permission (a right for some routing keys) can let one message in and the other not.
    """
    _, is_about_topic, rest = str(refusal).partition(" to topic ")
    return not is_about_topic or rest.startswith(f"'{message.routing_key}'")
