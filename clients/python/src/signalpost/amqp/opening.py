"""Opens AMQP connections: to one node after the other, each within a bound.

Reopening a lost connection is the loop of its owner, publisher or consumer.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from aiormq import Connection
from aiormq.channel import Channel

from signalpost.amqp.connection import CONFIRM_TIMEOUT, AmqpConnection, Parts, leave
from signalpost.amqp.facts_log import FactsLog, StandardLog
from signalpost.amqp.faults import FAULTS, BrokerUnavailable, is_refusal, unavailable
from signalpost.amqp.transport import AbortableTransport
from signalpost.amqp.urls import each_url

HEARTBEAT: Final = 15
"""Seconds; a silent broker is given up after about three of them."""
CONNECT_TIMEOUT: Final = 10.0
"""Seconds for the connection and its channel."""


Declarations = Callable[[Channel], Iterable[Coroutine[Any, Any, object]]]
"""What is to be declared on a channel that was opened, one after the other."""


async def open_connection(
    url: str,
    *,
    name: str,
    confirms: bool,
    declarations: Declarations | None = None,
    confirm_timeout: float = CONFIRM_TIMEOUT,
    last: AmqpConnection | None = None,
    log: FactsLog | None = None,
) -> AmqpConnection:
    """Connect, open the channel and declare what is to be declared (None: nothing).

    Where the URL names several nodes, they are tried in random order, so that clients spread over the cluster. The
    node of the connection that was lost `last` comes at the end.

    Raises:
        BrokerRefused: no node took us, and at least one does not let us in, or not declare.
        BrokerUnavailable: no connection, for ten seconds with each node; the text says why.
    """
    _silence_library()
    urls = each_url(url)
    order = random.sample(urls, len(urls))
    order.sort(key=lambda node: last is not None and node == last.node)
    faults: list[BrokerUnavailable] = []
    for node in order:
        try:
            connection = AmqpConnection(
                await _connect(node, name, confirms=confirms),
                node=node,
                name=name,
                confirm_timeout=confirm_timeout,
                log=log or StandardLog(),
            )
            await _declared(connection, declarations)
            return connection
        except BrokerUnavailable as fault:
            faults.append(fault)
    raise next((fault for fault in faults if is_refusal(fault)), faults[-1])


def _silence_library() -> None:
    """Keep the library from logging tracebacks where we log one line of our own, unless somebody set its level."""
    library = logging.getLogger("aiormq")
    if library.level == logging.NOTSET:
        library.setLevel(logging.CRITICAL)


async def _connect(url: str, name: str, *, confirms: bool) -> Parts:
    transport = AbortableTransport(url)
    connection = Connection(
        transport.url_with(heartbeat=HEARTBEAT),
        client_properties={"connection_name": name},
        transport_factory=transport,
    )

    async def opened() -> Channel:
        await connection.connect()
        channel = await connection.channel(publisher_confirms=confirms)
        assert isinstance(channel, Channel)  # noqa: S101 - the abstract class lacks what batches need
        return channel

    opening = asyncio.create_task(opened())
    try:
        await asyncio.wait({opening}, timeout=CONNECT_TIMEOUT)
        if opening.done():
            return Parts(connection, transport, opening.result())
        raise TimeoutError(f"no answer within {CONNECT_TIMEOUT:g} s")
    except BaseException as error:
        transport.abort()
        if isinstance(error, FAULTS):
            raise unavailable(error) from error
        raise
    finally:
        leave(opening)


async def _declared(connection: AmqpConnection, declarations: Declarations | None) -> None:
    if declarations is None:
        return
    try:
        for declaration in declarations(connection.channel):
            await connection.ask(declaration)
    except FAULTS as error:
        await connection.close()
        raise unavailable(error) from error
    except asyncio.CancelledError:
        connection.give_up("its opener lost patience")
        raise
