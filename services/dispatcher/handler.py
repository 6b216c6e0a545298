"""Takes events from the queue: reads each, dispatches it in a batch with others, and acks it.

An event that can't be read or dispatched is dead-lettered, one beyond its tenant's share is deferred; the ack comes
after that.
"""

import contextlib
import time
from datetime import UTC, datetime

import structlog

from services.dispatcher.batch import Arrival, BatchDispatcher
from services.dispatcher.fairness import TenantFairness
from shared.broker import Incoming
from shared.catalogue import Catalogue
from shared.delivery.context import WorkerContext
from shared.model.delivery import Transport
from shared.model.event import OWN_SOURCE, InvalidMessage, is_reserved_source, parse_event
from shared.model.reasons import DeadReason
from shared.model.routing import deferred_event_message
from shared.model.system_events import is_internal
from shared.model.task import DeadLetterInfo, epoch_ms_header
from shared.model.topology import EVENT
from shared.process.batching import Batcher
from shared.process.clock import now_ms, utc_now
from shared.telemetry.metrics import EVENTS_DEFERRED, EVENTS_REJECTED
from shared.telemetry.spans import dispatching, note_rejected
from signalpost.checking import read_event
from signalpost.message import ACCEPTED_AT
from signalpost.traceparent import traceparent_or_new, valid_traceparent

log = structlog.get_logger(__name__)

BATCH_WINDOW = 0.0
"""Seconds: a lone event does not wait; events queue up while two batches run."""
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
        self._catalogue, self._publisher, self._settler = catalogue, context.publisher, context.settler
        self._events, self._tracing = context.events, context.tracing
        self._fairness = TenantFairness()
        self._batch = BatchDispatcher(catalogue, context, transport=transport)
        self._batches: Batcher[Arrival, bool] = Batcher(
            self._batch.dispatch, window=BATCH_WINDOW, max_items=MAX_BATCH
        )

    async def handle(self, incoming: Incoming) -> None:
        """Dispatch, defer or dead-letter one message from `events.to_dispatch`, and ack it."""
        await self._settle(incoming, may_defer=True)

    async def handle_deferred(self, incoming: Incoming) -> None:
        """Dispatch or dead-letter one message from `events.set_aside`, and ack it."""
        await self._settle(incoming, may_defer=False)

    async def _settle(self, incoming: Incoming, *, may_defer: bool) -> None:
        try:
            arrival = self._read(incoming)
            if may_defer:
                await self._dispatch_fairly(incoming, arrival)
            else:
                await self._dispatch(arrival)
        except InvalidMessage as error:
            log.warning("event.invalid", routing_key=incoming.routing_key, detail=str(error))
            await self._dead_letter(incoming, DeadReason.INVALID_EVENT, str(error))
        except Exception:
            log.exception("dispatch.bug", routing_key=incoming.routing_key)
            await self._dispatch_alone(incoming)
        incoming.ack()

    async def _dispatch_fairly(self, incoming: Incoming, arrival: Arrival) -> None:
        """Dispatch an event, or defer it if its tenant has its share of work already."""
        tenant = arrival.event.tenant_id
        if not self._fairness.admit(tenant):
            EVENTS_DEFERRED.inc()
            await self._publisher.publish(deferred_event_message(incoming, accepted_at=arrival.accepted_at))
            return
        try:
            await self._dispatch(arrival)
        finally:
            self._fairness.release(tenant)

    async def _dispatch(self, arrival: Arrival) -> None:
        while not await self._batches.submit(arrival):
            pass  # its batch was full

    async def _dispatch_alone(self, incoming: Incoming) -> None:
        """Dispatch an event of a failed batch on its own, so that only the faulty one is dead-lettered."""
        try:
            await self._batch.dispatch([self._read(incoming)])
        except Exception as error:
            log.exception("dispatch.bug", routing_key=incoming.routing_key)
            await self._dead_letter(incoming, DeadReason.INTERNAL_ERROR, repr(error))

    def _read(self, incoming: Incoming) -> Arrival:
        accepted_at = epoch_ms_header(incoming.headers, ACCEPTED_AT) or now_ms()
        received_at = datetime.fromtimestamp(accepted_at / 1000, UTC)
        event = read_event(incoming.body, self._catalogue, received_at=received_at)
        if incoming.routing_key != event.type:
            # Topic permissions guard the routing key; an event with a different type would bypass them.
            raise InvalidMessage(f"type: is {event.type!r}, but the routing key is {incoming.routing_key!r}")
        if is_internal(event.type) and event.source != OWN_SOURCE:
            raise InvalidMessage(f"type: {event.type} is emitted by Signalpost itself; publish a type of your own")
        if is_reserved_source(event.source) and not is_internal(event.type):
            raise InvalidMessage(f"source: {event.source[:80]} is Signalpost's own; choose another source")
        parent = valid_traceparent(incoming.headers.get("traceparent")) or event.traceparent
        span = None if self._tracing is None else dispatching(self._tracing, event, parent)
        return Arrival(
            event=event,
            redelivered=incoming.redelivered,
            traceparent=traceparent_or_new(parent) if span is None else span.traceparent,
            accepted_at=accepted_at,
            received_at=time.monotonic(),
            span=span,
        )

    async def _dead_letter(self, incoming: Incoming, reason: DeadReason, detail: str) -> None:
        if self._tracing is not None:
            note_rejected(self._tracing, incoming.headers.get("traceparent"), reason.value)
        EVENTS_REJECTED.labels(reason.value).inc()
        info = DeadLetterInfo(reason=reason, detail=detail, routing_key=incoming.routing_key)
        await self._settler.reject(EVENT, info, incoming)
        with contextlib.suppress(InvalidMessage):  # what can't be read was never stored
            await self._events.give_up(parse_event(incoming.body, received_at=utc_now()))
