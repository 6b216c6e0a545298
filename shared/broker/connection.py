"""What Signalpost's own processes do with a connection (`signalpost.amqp`): declare the topology, ask, subscribe."""

import asyncio
from functools import partial
from typing import Final

from aiormq.abc import ConsumerCallback
from pamqp.commands import Queue

import signalpost.amqp.connection as plain
from shared.broker.declare import declare
from shared.broker.tolerance import read_any_frame
from shared.topology import Topology
from signalpost.amqp.connection import FAULTS, BrokerRefused, BrokerUnavailable, Link, is_refusal, raise_if_ours

__all__ = [
    "ANSWER_TIMEOUT",
    "FAULTS",
    "BrokerRefused",
    "BrokerUnavailable",
    "Link",
    "declaring",
    "is_refusal",
    "look",
    "open_link",
    "raise_if_ours",
    "subscribe",
    "unsubscribe",
]

ANSWER_TIMEOUT: Final = 20.0
"""Seconds for one answer: a queue may be choosing its leader. Who waits keeps the channel from all others."""


async def open_link(url: str, *, name: str, confirms: bool, topology: Topology | None) -> Link:
    """Connect, open the channel and declare the topology (None: declare nothing), as `signalpost.amqp` does.

    Raises:
        BrokerRefused: no node took us, and at least one lets us not in, or not declare.
        BrokerUnavailable: no connection, for ten seconds with each node; the text says why.
    """
    read_any_frame()
    return await plain.open_link(url, name=name, confirms=confirms, prepare=declaring(topology))


def declaring(topology: Topology | None) -> plain.Prepare | None:
    """Return what declares the topology on a channel."""
    return None if topology is None else partial(declare, topology=topology)


async def look(link: Link, queue: str) -> Queue.DeclareOk:
    """Return what the broker says of a queue, declaring nothing; raises one of FAULTS."""
    return await link.raw.queue_declare(queue, passive=True, timeout=ANSWER_TIMEOUT)


async def subscribe(link: Link, queue: str, callback: ConsumerCallback, *, tag: str, prefetch: int) -> None:
    """Have messages of a queue handed out, so many at a time to this subscription; raises one of FAULTS."""
    async with asyncio.timeout(ANSWER_TIMEOUT):
        await link.raw.basic_qos(prefetch_count=prefetch)
        await link.raw.basic_consume(queue, callback, consumer_tag=tag)


async def unsubscribe(link: Link, tag: str) -> None:
    """Have no more of them handed out; raises one of FAULTS."""
    await link.raw.basic_cancel(tag, timeout=ANSWER_TIMEOUT)
