"""One AMQP connection with one channel, opened with a bound on time; reopening is the caller's loop.

aio-pika's own "robust" connection is left aside on purpose: its `timeout` does not cover a reconnect, and
closing its channels cancels running callbacks. An explicit loop around a plain connection does neither.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelNotFoundEntity,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from aiormq.channel import Channel as RawChannel
from aiormq.exceptions import ChannelAccessRefused

from signalpost.amqp.urls import each_url

HEARTBEAT: Final = 15
"""Seconds; a silent broker is given up after about three of them."""
CONNECT_TIMEOUT: Final = 10.0
FLUSH_TIMEOUT: Final = 3.0
FAULTS: Final = (AMQPError, ConnectionError, OSError, TimeoutError, RuntimeError)
"""What a lost broker looks like from inside aio-pika (it raises RuntimeError on a transport that is gone)."""
_REFUSALS: Final = (
    AuthenticationError,
    ProbableAuthenticationError,
    InvalidFrameError,  # how aiormq 7 shows a Connection.Close that answers Connection.Open: its text is lost
    ChannelAccessRefused,
    ChannelNotFoundEntity,
)


Prepare = Callable[[AbstractChannel], Awaitable[None]]
"""Declares what the owner of a connection needs, whenever it is opened."""


class BrokerUnavailable(Exception):
    """The broker is away, or does not take the message now; nothing was lost, try again later."""


class BrokerRefused(BrokerUnavailable):
    """The broker answers, and says no: to the login, the virtual host, a right, or a name it does not know.

    It goes on saying so until somebody changes something there, or in our settings.
    """


def is_refusal(error: BaseException) -> bool:
    """Tell whether a fault is the broker's no, and not its absence."""
    return isinstance(error, (BrokerRefused, *_REFUSALS))


def raise_if_ours() -> None:
    """Raise the cancellation under way if it is the caller's; aiormq too cancels who waits for a dead channel."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _sentence(error: BaseException) -> str:
    if isinstance(error, InvalidFrameError):
        return "the broker refused the virtual host: see that it exists, and that the user has a right in it"
    return f"{type(error).__name__}: {error}"


@dataclass(frozen=True)
class Link:
    """An open connection with its one channel; `raw` is the channel for the hot path."""

    connection: AbstractConnection
    channel: AbstractChannel
    raw: RawChannel

    @property
    def is_open(self) -> bool:
        """Whether both connection and channel still live."""
        return not (self.connection.is_closed or self.raw.is_closed)

    async def closed(self) -> None:
        """Wait until the connection or the channel is gone, whoever closed it."""
        waits = [asyncio.ensure_future(self.connection.closed()), asyncio.ensure_future(self.channel.closed())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def close(self) -> None:
        """Close, without waiting for a broker that does not answer."""
        # The channel first: it answers after everything that was sent on it, while closing the connection throws
        # away what is not sent yet, and the last acks with it.
        for part, patience in ((self.channel, FLUSH_TIMEOUT), (self.connection, CONNECT_TIMEOUT)):
            try:
                async with asyncio.timeout(patience):
                    await part.close()
            except FAULTS:
                pass  # gone already: closed is closed


async def open_link(url: str, *, name: str, confirms: bool, prepare: Prepare | None = None) -> Link:
    """Connect, open the channel and prepare it (None: declare nothing).

    Where the URL names several nodes, they are tried in random order: clients spread over the cluster, and those of a
    node that is lost spread over the others.

    Raises:
        BrokerRefused: no node took us, and at least one lets us not in, or not declare.
        BrokerUnavailable: no connection, for ten seconds with each node; the text says why.
    """
    urls = each_url(url)
    faults: list[BrokerUnavailable] = []
    for node in random.sample(urls, len(urls)):
        try:
            return await _open_link_to(node, name=name, confirms=confirms, prepare=prepare)
        except BrokerUnavailable as fault:
            faults.append(fault)
    raise next((fault for fault in faults if is_refusal(fault)), faults[-1])


async def _open_link_to(url: str, *, name: str, confirms: bool, prepare: Prepare | None) -> Link:
    connection: AbstractConnection | None = None
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            connection = await aio_pika.connect(url, client_properties={"connection_name": name}, heartbeat=HEARTBEAT)
            channel = await connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
            if prepare is not None:
                await prepare(channel)
            return Link(connection, channel, cast("RawChannel", await channel.get_underlay_channel()))
    except FAULTS as error:
        if connection is not None:
            await connection.close()
        kind = BrokerRefused if is_refusal(error) else BrokerUnavailable
        raise kind(_sentence(error)) from error
    except asyncio.CancelledError:
        if connection is not None:
            await connection.close()  # a caller that lost patience must not leave it open
        raise
