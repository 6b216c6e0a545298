"""Publishes a producer's events with confirms, through reconnects, with bounds on how long and how many wait.

It declares nothing: its user needs the right to write to the exchange `events`, and no other.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from types import TracebackType
from typing import Final, Protocol

from signalpost.amqp.faults import BrokerRefused
from signalpost.amqp.publisher import ConfirmedPublisher, Unroutable
from signalpost.catalogue import Catalogue
from signalpost.cloudevent import Event
from signalpost.message import event_message
from signalpost.producer.errors import BufferFull, Misconfigured, PublishTimeout
from signalpost.producer.new_event import CurrentTraceparent, Unpublished, accept, no_trace

PUBLISH_TIMEOUT: Final = 30.0
"""Seconds; a broker's restart takes about ten."""
BUFFER: Final = 1000
"""Events; at the largest size that is accepted (1 MiB) they take 1 GiB, at the usual one about 1 MiB."""


class PublishSpan(Protocol):
    """The span of one publish, in the producer's own tracing."""

    @property
    def traceparent(self) -> str:
        """What the event carries on (W3C Trace Context)."""
        ...

    def published(self, event: Event) -> None:
        """Note what was published."""
        ...


Spans = Callable[[str | None], AbstractContextManager[PublishSpan]]
"""Begins the span of one publish below this `traceparent`, or below what is current."""


class EventPublisher:
    """Publishes the events of one source; safe for any number of concurrent callers. Connects when first needed.

    Args:
        amqp_url: Where the broker is, with user, password and virtual host; of a cluster each node's, with commas.
        source: Which system publishes (the CloudEvents attribute `source`), such as `/wipe/backend`.
        name: What the connection is called in RabbitMQ's management UI.
        buffer: How many events may wait for the broker at once.
        catalogue: What events are checked against; by default the types that the products emit.
        current_traceparent: How to find the current trace, for events that bring none.
        tracing: Makes a span for each event that is published (`signalpost.producer.opentelemetry`).
    """

    def __init__(
        self,
        amqp_url: str,
        *,
        source: str,
        name: str = "producer",
        buffer: int = BUFFER,
        catalogue: Catalogue | None = None,
        current_traceparent: CurrentTraceparent = no_trace,
        tracing: Spans | None = None,
    ) -> None:
        self._source, self._buffer = source, buffer
        self._catalogue = catalogue or Catalogue.builtin()
        self._current_traceparent, self._tracing = current_traceparent, tracing
        self._publisher = ConfirmedPublisher(amqp_url, name=name)
        self._waiting = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    async def __aenter__(self) -> "EventPublisher":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def publish(self, event: Unpublished | Event, *, timeout: float = PUBLISH_TIMEOUT) -> Event:  # noqa: ASYNC109 - it ends in an error of our own
        """Publish an event and return it, as Signalpost knows it, once the broker has it safe on a queue.

        An absent or blocked broker is waited for, up to `timeout` seconds.

        Raises:
            InvalidEvent: it does not fit the catalogue; nothing was sent.
            Misconfigured: the broker refuses this producer, or has no queue for its events.
            BufferFull: too many events wait already; nothing was sent.
            PublishTimeout: no confirm in time; publishing the same event again is safe.
        """
        if self._closed:
            raise RuntimeError("the publisher is closed")
        if self._tracing is None:
            return await self._publish(event, timeout)
        with self._tracing(event.traceparent or self._current_traceparent()) as span:
            published = await self._publish(replace(event, traceparent=span.traceparent), timeout)
            span.published(published)
            return published

    async def _publish(self, event: Unpublished | Event, timeout: float) -> Event:  # noqa: ASYNC109 - as above
        accepted = event if isinstance(event, Event) else self._accept(event)
        self._take_place()
        try:
            async with asyncio.timeout(timeout):
                await self._publisher.publish(event_message(accepted, accepted_at=time.time_ns() // 1_000_000))
        except TimeoutError as error:
            raise PublishTimeout(self._timeout_sentence(accepted, timeout)) from error
        except BrokerRefused as error:
            raise Misconfigured(
                f"{accepted.type}: the broker refuses this producer: {error}; it needs the right to write to the "
                "exchange 'events', which Signalpost's services or `worker topology` declare"
            ) from error
        except Unroutable as error:
            raise Misconfigured(f"{accepted.type}: {error}; `worker topology` declares what is missing") from error
        finally:
            self._free_place()
        return accepted

    async def aclose(self) -> None:
        """Take no more events, let those that wait be confirmed or time out, and close the connection."""
        self._closed = True
        await self._idle.wait()
        await self._publisher.aclose()

    def _accept(self, event: Unpublished) -> Event:
        return accept(
            event, source=self._source, catalogue=self._catalogue, current_traceparent=self._current_traceparent
        )

    def _take_place(self) -> None:
        if self._waiting >= self._buffer:
            raise BufferFull(
                f"{self._waiting} events wait for the broker already, which is away or slow; publish this one later, "
                "or keep it in an outbox (signalpost.outbox)"
            )
        self._waiting += 1
        self._idle.clear()

    def _free_place(self) -> None:
        self._waiting -= 1
        if self._waiting == 0:
            self._idle.set()

    def _timeout_sentence(self, event: Event, timeout: float) -> str:
        return (
            f"{event.type} {event.source_id}: no confirm within {timeout:g} s "
            f"(the broker is {self._publisher.state}); "
            "it may have the event all the same: publish the same one, with the same id, again"
        )
