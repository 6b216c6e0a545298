"""One AMQP connection with one channel, on which every wait ends: with its answer, its bound, or the connection.

The client library leaves some waits without an end. A publisher that holds the channel's lock while the connection
closes waits at a write queue that nobody empties any more, and all others wait for that lock. The library's `close`
swallows a cancellation. So every wait of ours goes through `waiting` or `ask`: giving the connection up aborts its
transport and releases all of them at once, whatever the library does.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiormq import Connection
from aiormq.abc import ConsumerCallback
from aiormq.channel import Channel
from aiormq.exceptions import AMQPError
from pamqp.commands import Queue

from signalpost.amqp.facts_log import FactsLog
from signalpost.amqp.faults import ConnectionLost
from signalpost.amqp.transport import AbortableTransport

ANSWER_TIMEOUT: Final = 20.0
"""Seconds for one answer. An election can delay it, and a question under way keeps all others from the channel."""
CLOSE_TIMEOUT: Final = 3.0
"""Seconds for each of the two steps of a polite close."""
CONFIRM_TIMEOUT: Final = 30.0
"""Seconds for which the oldest wait may make no progress; an election takes a few, a slow disk some more."""
STALLED_AFTER: Final = 5.0
"""Seconds without progress after which the connection no longer counts as ready."""
_BELIEVED_WITHIN: Final = 0.2
"""Seconds for an answer that may be taken at its word."""
_QUESTIONS: Final = 20
_LOOKS: Final = 6  # in CONFIRM_TIMEOUT
_T = TypeVar("_T")

_left: Final[set[asyncio.Future[Any]]] = set()
"""Tasks that nobody waits for any more; the event loop alone would not keep them until they end."""


def leave(task: asyncio.Future[Any]) -> None:
    """Cancel a task without waiting for its end, which the client library may delay as long as the task itself."""
    task.cancel()
    _left.add(task)
    task.add_done_callback(_ended)


def _ended(task: asyncio.Future[Any]) -> None:
    _left.discard(task)
    if not task.cancelled():
        task.exception()  # retrieved, so that asyncio does not report it


async def _finish(work: Coroutine[Any, Any, object], *, within: float) -> None:
    """Await work for at most `within` seconds; what it fails with does not matter to its caller."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=within)
    finally:
        leave(task)


@dataclass(frozen=True)
class Parts:
    """What the client library made for one connection."""

    connection: Connection
    transport: AbortableTransport
    channel: Channel


class AmqpConnection:
    """An open connection with its one channel.

    It counts as lost as soon as the library says so, heartbeats stop, or its oldest wait made no progress for
    `confirm_timeout` seconds. Quorum queues can lose a publish when their leader changes, and never confirm it
    (rabbitmq-server pull requests 13095 and 14589 mend two such cases); the remedy is a new channel. While the broker
    blocks publishers (memory or disk alarm) no time passes: it will confirm in the end.
    """

    def __init__(self, parts: Parts, *, node: str, name: str, confirm_timeout: float, log: FactsLog) -> None:
        self.channel: Final = parts.channel
        """The library's channel, for the hot path; await its methods inside `waiting` only."""
        self.node: Final = node
        """The URL that led here."""
        self._connection, self._transport, self._name = parts.connection, parts.transport, name
        self._confirm_timeout, self._log = confirm_timeout, log
        self._lost = asyncio.Event()
        self._waits: dict[asyncio.Timeout, None] = {}  # oldest first
        self._stalled_for = 0.0
        self._ending: asyncio.Task[None] | None = None
        self._watching = asyncio.create_task(self._watch())

    @property
    def is_open(self) -> bool:
        """Whether it may be used: neither lost, nor given up, nor on its way to be closed."""
        return self._ending is None and not (self._connection.is_closed or self.channel.is_closed)

    @property
    def is_answering(self) -> bool:
        """Whether it is open, not blocked by an alarm of the broker, and its oldest wait is not stuck."""
        return self.is_open and self._stalled_for < STALLED_AFTER and not self.is_blocked

    @property
    def is_blocked(self) -> bool:
        """Whether the broker said that it takes no publishes for now (a memory or disk alarm)."""
        # The library only offers to wait for the end of the alarm: see whether that wait would be over at once.
        probe = self._connection.ready()
        try:
            probe.send(None)
        except StopIteration:
            return False
        probe.close()
        return True

    @contextlib.asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Hold one wait on the broker, which ends with this connection at the latest.

        Raises:
            ConnectionLost: the connection was lost or given up meanwhile.
            AMQPError: the broker closed it, and said why.
        """
        if not self.is_open:
            raise ConnectionLost("the connection is closed")
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._waits[scope] = None
                yield
        except TimeoutError:
            if not scope.expired():
                raise
            raise self._loss() from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise self._loss() from None  # the library cancels what it drops
        finally:
            self._waits.pop(scope, None)

    def _loss(self) -> Exception:
        """Return what ended the connection: the broker's own words if it said any."""
        for end in (self.channel.closing, self._connection.closing):
            if end.done() and not end.cancelled() and isinstance(error := end.exception(), AMQPError):
                return error
        return ConnectionLost("the connection was lost")

    async def ask(self, question: Coroutine[Any, Any, _T]) -> _T:
        """Return the broker's answer; one that is owed too long gives the connection up.

        Raises:
            FAULTS: the broker says no, does not answer, or is gone.
        """
        asking = asyncio.ensure_future(question)
        try:
            async with self.waiting():
                await asyncio.wait({asking}, timeout=ANSWER_TIMEOUT)
                if asking.done():
                    return asking.result()
            self.give_up("a question was not answered")
            raise TimeoutError("the broker does not answer")
        finally:
            leave(asking)

    async def look(self, queue: str) -> Queue.DeclareOk:
        """Return what the broker says of a queue, declaring nothing; raises one of FAULTS.

        RabbitMQ answers that a quorum queue is empty, without consumers, when its leader does not say otherwise
        within 250 ms (`rabbit_quorum_queue:stat/2`). So an empty answer that took about as long is not believed.
        """
        loop = asyncio.get_running_loop()
        for _ in range(_QUESTIONS):
            asked_at = loop.time()
            answer = await self.ask(self.channel.queue_declare(queue, passive=True))
            if answer.message_count or answer.consumer_count or loop.time() - asked_at < _BELIEVED_WITHIN:
                return answer
        raise TimeoutError(f"the broker does not say in time how many messages wait in {queue}")

    async def subscribe(self, queue: str, callback: ConsumerCallback, *, tag: str, prefetch: int) -> None:
        """Have messages of a queue handed out, at most `prefetch` unacked at a time; raises one of FAULTS."""
        await self.ask(self.channel.basic_qos(prefetch_count=prefetch))
        await self.ask(self.channel.basic_consume(queue, callback, consumer_tag=tag))

    async def unsubscribe(self, tag: str) -> None:
        """Have no more messages handed out; raises one of FAULTS."""
        await self.ask(self.channel.basic_cancel(tag))

    async def lost(self) -> None:
        """Wait until it is lost, given up or closed."""
        await self._lost.wait()

    def give_up(self, reason: str) -> None:
        """Abort the transport and release everything that waits on this connection, now."""
        if self._ending is None:
            self._log.warning("broker.connection_given_up", name=self._name, reason=reason, waiting=len(self._waits))
            self._ending = asyncio.create_task(self._close())
        self._abort()

    async def close(self) -> None:
        """Close politely if the broker answers in time, and abort otherwise; ends within three CLOSE_TIMEOUTs."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._close())
        await asyncio.shield(self._ending)

    async def _close(self) -> None:
        # The channel first: its answer comes after everything that was sent on it, while closing the connection
        # throws away what is not sent yet, and the last acks with it.
        await _finish(self.channel.close(), within=CLOSE_TIMEOUT)
        await _finish(self._connection.close(), within=CLOSE_TIMEOUT)
        self._abort()

    def _abort(self) -> None:
        self._lost.set()
        self._watching.cancel()
        self._transport.abort()
        now = asyncio.get_running_loop().time()
        for scope in self._waits:
            scope.reschedule(now)

    async def _watch(self) -> None:
        """Give the connection up once it is lost, silent or stuck."""
        step = self._confirm_timeout / _LOOKS
        ends = {self._connection.closing, self.channel.closing}
        oldest: asyncio.Timeout | None = None
        while not any(end.done() for end in ends):
            await asyncio.wait(ends, timeout=step, return_when=asyncio.FIRST_COMPLETED)
            if self._connection.is_connection_was_stuck:
                self.give_up("no heartbeat came")
            if self.is_blocked:
                continue
            was, oldest = oldest, next(iter(self._waits), None)
            self._stalled_for = self._stalled_for + step if oldest is not None and oldest is was else 0.0
            if self._stalled_for >= self._confirm_timeout:
                self.give_up("an answer or a confirm is overdue")
        self._ending = self._ending or asyncio.create_task(self._close())
        self._abort()
