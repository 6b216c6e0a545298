"""Publishes many messages with one write, and waits for all their confirms with one future.

aiormq publishes one message at a time: each takes a lock, a write to the socket and a future with four callbacks,
which cost the dispatcher more than storing the delivery does. This takes the same lock and counts the same delivery
tags, so both ways may be used on one channel; `tests/broker/test_batch_publish.py` holds it to what aiormq does.
"""

from collections.abc import Awaitable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, cast

from aiormq.abc import ChannelFrame
from aiormq.channel import Channel as RawChannel
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.model.routing import Outgoing
from signalpost.amqp.connection import AmqpConnection
from signalpost.amqp.faults import FAULTS
from signalpost.amqp.publisher import properties_of

BATCH: Final = 100
"""Messages in one write."""
BATCH_BYTES: Final = 256 * 1024
"""Bodies in one write, unless one alone is larger: what is written lies in memory twice."""
_PUBLISH_FRAMES: Final = 100  # few exchanges and channels of delivery; event types are more


def batches(messages: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Cut messages into batches that may be written at once."""
    batch: list[Outgoing] = []
    size = 0
    for message in messages:
        size += len(message.body)
        if batch and (len(batch) == BATCH or size > BATCH_BYTES):
            yield batch
            batch, size = [], len(message.body)
        batch.append(message)
    if batch:
        yield batch


async def publish_batch(connection: AmqpConnection, messages: Sequence[Outgoing]) -> list[Outgoing]:
    """Publish messages and return those that the broker did not confirm.

    Waits until it has answered for each of them, or the connection is lost.
    """
    channel = connection.channel
    properties = [properties_of(message) for message in messages]
    payload = b"".join(
        part
        for message, fields in zip(messages, properties, strict=True)
        for part in _frames(channel, message, fields)
    )
    answers: _Answers | None = None
    try:
        async with connection.waiting():
            async with channel.lock:
                answers = _Answers(channel, messages, [fields.message_id or "" for fields in properties])
                await answers.owed_after(channel.write_queue.put(ChannelFrame(payload=payload, should_close=False)))
            await answers.complete
    except FAULTS:
        pass  # no more answers will come
    finally:
        if answers is not None:
            answers.forget_message_ids()
    return list(messages) if answers is None else answers.unconfirmed


class _Answers:
    """Collects the broker's answers to one batch."""

    def __init__(self, channel: RawChannel, messages: Sequence[Outgoing], message_ids: Sequence[str]) -> None:
        self._channel, self._message_ids = channel, message_ids
        first = channel.delivery_tag + 1
        self._tags = range(first, first + len(messages))
        self._unconfirmed = dict(zip(self._tags, messages, strict=True))
        self._owed = len(messages)
        self.complete = channel.create_future()
        """Done when all answers are here; fails with the channel."""
        for tag, message_id in zip(self._tags, message_ids, strict=True):
            channel.confirmations[tag] = cast("Any", _Answer(self, tag))
            channel.message_id_delivery_tag[message_id] = tag  # by which aiormq finds what is returned
        channel.delivery_tag += len(messages)

    @property
    def unconfirmed(self) -> list[Outgoing]:
        """The messages that are not confirmed so far."""
        return list(self._unconfirmed.values())

    async def owed_after(self, written: Awaitable[None]) -> None:
        """Await the write; forget the batch if it was never written, since the broker counts only what was."""
        try:
            await written
        except BaseException:
            self._channel.delivery_tag -= len(self._tags)
            for tag in self._tags:
                self._channel.confirmations.pop(tag, None)
            self.complete.cancel()
            raise

    def take(self, tag: int, *, confirmed: bool) -> None:
        """Take one answer."""
        if confirmed:
            del self._unconfirmed[tag]
        self._owed -= 1
        if not self._owed and not self.complete.done():
            self.complete.set_result(None)

    def forget_message_ids(self) -> None:
        """Forget by which ids aiormq finds what is returned."""
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
