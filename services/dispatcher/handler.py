"""Takes events from the queue: reads each, has it dispatched with others in a batch, and acks it.

What can't be read or dispatched is parked, and what one tenant has too much of is set aside; only then is it acked.
"""

import contextlib

import structlog

from services.dispatcher.batch import Arrival, BatchDispatcher
from services.dispatcher.fairness import Shares
from shared.broker import Incoming
from shared.catalogue import Catalogue
from shared.delivery.context import WorkerContext
from shared.model.delivery import Transport
from shared.model.event import OWN_SOURCE, InvalidMessage, parse_event
from shared.model.reasons import DeadReason
from shared.model.routing import dead_message, readable_headers, set_aside_message
from shared.model.system_events import is_internal
from shared.model.task import DeadLetter, epoch_ms_header
from shared.model.topology import EVENT
from shared.process.batching import Batcher
from shared.process.clock import now_ms
from shared.telemetry.metrics import (
    DEAD_LETTERS,
    EVENTS_REJECTED,
    EVENTS_SET_ASIDE,
)
from shared.telemetry.spans import dispatching, note_rejected
from signalpost.checking import read_event
from signalpost.message import ACCEPTED_AT
from signalpost.traceparent import traceparent_or_new, valid_traceparent

log = structlog.get_logger(__name__)

BATCH_WINDOW = 0.0
"""Seconds: an event that comes alone does not wait; others gather while batches are under way."""
MAX_BATCH = 200


class EventHandler:
    """Dispatches events to the subscriptions that want them."""

    def __init__(
        self,
        catalogue: Catalogue,
        context: WorkerContext,
        *,
        transport: Transport,
    ) -> None:
        self._catalogue, self._publisher, self._events = catalogue, context.publisher, context.events
        self._tracing = context.tracing
        self._shares = Shares()
        self._batch = BatchDispatcher(catalogue, context, transport=transport)
        self._batches: Batcher[Arrival, bool] = Batcher(
            self._batch.dispatch, window=BATCH_WINDOW, max_items=MAX_BATCH
        )

    async def handle(self, incoming: Incoming) -> None:
        """Bring one message from `events.to_dispatch` to its end, or set it aside, and ack it."""
        await self._settle(incoming, may_set_aside=True)

    async def handle_set_aside(self, incoming: Incoming) -> None:
        """Bring one message from `events.set_aside` to its end and ack it."""
        await self._settle(incoming, may_set_aside=False)

    async def _settle(self, incoming: Incoming, *, may_set_aside: bool) -> None:
        try:
            arrival = self._read(incoming)
            if may_set_aside:
                await self._share(incoming, arrival)
            else:
                await self._until_dispatched(arrival)
        except InvalidMessage as error:
            log.warning("event.invalid", routing_key=incoming.routing_key, detail=str(error))
            await self._park(incoming, DeadReason.INVALID_EVENT, str(error))
        except Exception:
            log.exception("dispatch.bug", routing_key=incoming.routing_key)
            await self._alone(incoming)
        incoming.ack()

    async def _share(self, incoming: Incoming, arrival: Arrival) -> None:
        """Dispatch an event unless its tenant has its share under way; then it waits until there is room."""
        tenant = arrival.event.tenant_id
        if not self._shares.take(tenant):
            EVENTS_SET_ASIDE.inc()
            await self._publisher.publish(
                set_aside_message(
                    incoming.routing_key,
                    headers={ACCEPTED_AT: arrival.accepted_at, **incoming.headers},
                    body=incoming.body,
                    content_type=incoming.content_type,
                )
            )
            return
        try:
            await self._until_dispatched(arrival)
        finally:
            self._shares.give_back(tenant)

    async def _until_dispatched(self, arrival: Arrival) -> None:
        while not await self._batches.submit(arrival):
            pass  # its batch was full without it

    async def _alone(self, incoming: Incoming) -> None:
        """Dispatch an event whose batch failed by itself, so that only the one at fault is parked."""
        try:
            await self._batch.dispatch([self._read(incoming)])
        except Exception as error:
            log.exception("dispatch.bug", routing_key=incoming.routing_key)
            await self._park(incoming, DeadReason.INTERNAL_ERROR, repr(error))

    def _read(self, incoming: Incoming) -> Arrival:
        event = read_event(incoming.body, self._catalogue)
        if incoming.routing_key != event.type:
            # Topic permissions guard the routing key, so a type that differs from it would get around them.
            raise InvalidMessage(f"type: is {event.type!r}, but the routing key is {incoming.routing_key!r}")
        if is_internal(event.type) and event.source != OWN_SOURCE:
            raise InvalidMessage(f"type: {event.type} is emitted by Signalpost itself; publish a type of your own")
        parent = valid_traceparent(incoming.headers.get("traceparent")) or event.traceparent
        span = None if self._tracing is None else dispatching(self._tracing, event, parent)
        accepted_at = epoch_ms_header(incoming.headers, ACCEPTED_AT) or now_ms()
        return Arrival(
            event=event,
            redelivered=incoming.redelivered,
            traceparent=traceparent_or_new(parent) if span is None else span.traceparent,
            accepted_at=accepted_at,
            span=span,
        )

    async def _park(self, incoming: Incoming, reason: DeadReason, detail: str) -> None:
        if self._tracing is not None:
            note_rejected(self._tracing, incoming.headers.get("traceparent"), reason.value)
        EVENTS_REJECTED.labels(reason.value).inc()
        DEAD_LETTERS.labels(EVENT, reason.value).inc()
        await self._publisher.publish(
            dead_message(
                EVENT,
                DeadLetter(reason=reason, detail=detail, routing_key=incoming.routing_key),
                headers=readable_headers(incoming.headers),
                body=incoming.body,
                content_type=incoming.content_type,
            )
        )
        with contextlib.suppress(InvalidMessage):  # what can't be read was never stored
            await self._events.give_up(parse_event(incoming.body))
