"""Publishes many messages with one write, and waits for all their confirms with one future.

aiormq publishes one message at a time: each takes a lock, a write to the socket and a future with four callbacks,
which cost the dispatcher more than storing the delivery does. This takes the same lock and counts the same delivery
tags, so both ways may be used on one channel; `tests/broker/test_burst.py` holds it to what aiormq does.
"""

import asyncio
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, cast

from aiormq.abc import ChannelFrame
from aiormq.channel import Channel as RawChannel
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.broker.connection import FAULTS, raise_if_ours
from signalpost.amqp.publisher import properties_of
from signalpost.message import Outgoing

BURST: Final = 100
"""Messages in one write."""
BURST_BYTES: Final = 256 * 1024
"""Bodies in one write, unless one alone is larger: what is written lies in memory twice."""
_PUBLISH_FRAMES: Final = 100  # few exchanges and channels of delivery; event types are more


def bursts(messages: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Cut messages into bursts that may be written at once."""
    burst: list[Outgoing] = []
    size = 0
    for message in messages:
        size += len(message.body)
        if burst and (len(burst) == BURST or size > BURST_BYTES):
            yield burst
            burst, size = [], len(message.body)
        burst.append(message)
    if burst:
        yield burst


async def publish_burst(channel: RawChannel, messages: Sequence[Outgoing]) -> list[Outgoing]:
    """Publish messages and return those that the broker did not confirm.

    Waits until it has answered for each of them, or the channel is lost.
    """
    properties = [properties_of(message) for message in messages]
    payload = b"".join(
        part
        for message, fields in zip(messages, properties, strict=True)
        for part in _frames(channel, message, fields)
    )
    try:
        async with channel.lock:
            answers = _Answers(channel, messages, [fields.message_id or "" for fields in properties])
            try:
                await channel.write_queue.put(ChannelFrame(payload=payload, should_close=False))
            except BaseException:
                answers.withdraw()  # the broker counts only what was written
                raise
    except FAULTS:
        return list(messages)
    return await answers.unconfirmed()


class _Answers:
    """Collects the broker's answers to one burst."""

    def __init__(self, channel: RawChannel, messages: Sequence[Outgoing], message_ids: Sequence[str]) -> None:
        self._channel, self._message_ids = channel, message_ids
        first = channel.delivery_tag + 1
        self._tags = range(first, first + len(messages))
        self._unconfirmed = dict(zip(self._tags, messages, strict=True))
        self._owed = len(messages)
        self._complete = channel.create_future()  # fails with the channel
        for tag, message_id in zip(self._tags, message_ids, strict=True):
            channel.confirmations[tag] = cast("Any", _Answer(self, tag))
            channel.message_id_delivery_tag[message_id] = tag  # by which aiormq finds what is returned
        channel.delivery_tag += len(messages)

    async def unconfirmed(self) -> list[Outgoing]:
        """Wait for all answers, or the end of the channel, and return the messages that are not confirmed by then."""
        try:
            await self._complete
        except FAULTS:
            pass  # no more answers will come
        except asyncio.CancelledError:
            raise_if_ours()
        finally:
            self._forget_message_ids()
        return list(self._unconfirmed.values())

    def withdraw(self) -> None:
        """Forget a burst that was never written."""
        self._channel.delivery_tag -= len(self._tags)
        for tag in self._tags:
            self._channel.confirmations.pop(tag, None)
        self._forget_message_ids()
        self._complete.cancel()

    def take(self, tag: int, *, confirmed: bool) -> None:
        """Take one answer."""
        if confirmed:
            del self._unconfirmed[tag]
        self._owed -= 1
        if not self._owed and not self._complete.done():
            self._complete.set_result(None)

    def _forget_message_ids(self) -> None:
        for message_id in self._message_ids:
            self._channel.message_id_delivery_tag.pop(message_id, None)


class _Answer:
    """Stands where aiormq expects a future for one confirm; it takes the part of it that aiormq uses."""

    __slots__ = ("_answers", "_tag")

    def __init__(self, answers: _Answers, tag: int) -> None:
        self._answers, self._tag = answers, tag

    def done(self) -> bool:
        """Tell that the answer is still owed: aiormq asks for each tag once."""
        return False

    def set_result(self, _: object) -> None:
        """Take the broker's ack."""
        self._answers.take(self._tag, confirmed=True)

    def set_exception(self, _: BaseException) -> None:
        """Take the broker's nack, or the message itself, returned because nobody wants it."""
        self._answers.take(self._tag, confirmed=False)


def _frames(channel: RawChannel, message: Outgoing, properties: Basic.Properties) -> Iterator[bytes]:
    number = channel.number
    yield _publish_frame(number, message.exchange, message.routing_key)
    yield frame.marshal(ContentHeader(body_size=len(message.body), properties=properties), number)
    size = channel.max_content_size
    for start in range(0, len(message.body), size):
        yield frame.marshal(ContentBody(message.body[start : start + size]), number)


@lru_cache(maxsize=_PUBLISH_FRAMES)
def _publish_frame(channel: int, exchange: str, routing_key: str) -> bytes:
    return frame.marshal(Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True), channel)
