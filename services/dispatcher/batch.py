"""Dispatches a batch of events: match, store, publish.

Deliveries are stored before the event is marked dispatched and before any task is published. So if the broker
delivers an event again, the second try finds what the first one left, and completes it. Only then is it acked.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from services.dispatcher.fairness import fair_order
from services.dispatcher.plan import plan_deliveries
from shared.catalogue import Catalogue
from shared.delivery.context import WorkerContext
from shared.model.delivery import Delivery, Transport
from shared.model.event import Event, StoredEvent, webhook_body
from shared.model.matching import tested_webhook
from shared.model.patterns import patterns_matching
from shared.model.reasons import DeliveryState
from shared.model.routing import event_message, task_message
from shared.model.subscription import Subscription
from shared.model.system_events import delivery_updated
from shared.model.task import task_for
from shared.process.clock import now_ms, utc_now
from shared.telemetry.metrics import DELIVERIES_CREATED, DELIVERIES_FINISHED, EVENTS_ACCEPTED, EVENTS_DISPATCHED
from shared.telemetry.tracing import Span

MAX_DELIVERIES = 1000
"""A batch with this many deliveries is full. Otherwise a tenant with a thousand webhooks could put a hundred thousand
deliveries into memory at once, and every other tenant's events would wait until all of them are published."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """An event as it came from the queue."""

    event: Event
    redelivered: bool
    traceparent: str
    received_at: float
    """When this process got it, by its monotonic clock: the order of dispatch depends on nothing a producer sends."""
    accepted_at: int
    """Epoch milliseconds: when its producer handed it to Signalpost if a header tells, else when it came here."""
    span: Span | None
    """Ends when its batch is done; the span of a failed batch is never sent."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """An event with the deliveries it leads to."""

    arrival: Arrival
    deliveries: list[Delivery]


class BatchDispatcher:
    """Turns events into deliveries and tasks."""

    def __init__(self, catalogue: Catalogue, context: WorkerContext, *, transport: Transport) -> None:
        self._catalogue, self._publisher, self._transport = catalogue, context.publisher, transport
        self._events, self._deliveries = context.events, context.deliveries
        self._subscriptions = context.subscriptions

    async def dispatch(self, arrivals: Sequence[Arrival]) -> list[bool]:
        """Dispatch events until the batch is full; returns for each whether it was dispatched."""
        distinct = {arrival.event.id: arrival for arrival in sorted(arrivals, key=lambda a: a.redelivered)}
        known, subscriptions = await asyncio.gather(
            self._events.dispatched(list(distinct)), self._wanted_by(list(distinct.values()))
        )
        # Dispatched before and not redelivered: its producer published the same identity twice, which is one event.
        todo = [arrival for arrival in distinct.values() if arrival.redelivered or not known.get(arrival.event.id)]
        planned = self._plan_batch(todo, subscriptions)
        present = await self._deliveries.add([delivery for plan in planned for delivery in plan.deliveries])
        earlier = {delivery.id: delivery for delivery in present}
        await asyncio.gather(self._publish_tasks(planned, earlier), self._mark_dispatched(planned, known))
        left = {arrival.event.id for arrival in todo} - {plan.arrival.event.id for plan in planned}
        ended = [arrival for arrival in arrivals if arrival.event.id not in left]
        _count(ended, planned, earlier)
        _end_spans(ended, planned)
        return [arrival.event.id not in left for arrival in arrivals]

    async def _wanted_by(self, arrivals: Sequence[Arrival]) -> dict[str, list[Subscription]]:
        """Return the candidate subscriptions of each tenant."""
        events = [arrival.event for arrival in arrivals]
        tested = [webhook for event in events if (webhook := tested_webhook(event)) is not None]
        pairs = {(event.tenant_id, patterns_matching(event.type)) for event in events}
        found = await self._subscriptions.matching(sorted(pairs))
        single = await asyncio.gather(*(self._subscriptions.get(webhook) for webhook in tested))
        by_tenant: dict[str, list[Subscription]] = {}
        for subscription in [*found, *(item for item in single if item is not None)]:
            by_tenant.setdefault(subscription.tenant_id, []).append(subscription)
        return by_tenant

    def _plan_batch(self, todo: Sequence[Arrival], subscriptions: dict[str, list[Subscription]]) -> list[Planned]:
        """Plan events until the batch is full; the oldest one doesn't count towards that."""
        planned: list[Planned] = []
        room = MAX_DELIVERIES
        ordered = fair_order(
            todo,
            since=lambda arrival: arrival.received_at,
            cost=lambda arrival: len(subscriptions.get(arrival.event.tenant_id, ())),
        )
        for arrival in ordered:
            if room <= 0:
                break
            plan = self._plan(arrival, subscriptions.get(arrival.event.tenant_id, []))
            room -= len(plan.deliveries) if planned else 0
            planned.append(plan)
        return planned

    def _plan(self, arrival: Arrival, subscriptions: list[Subscription]) -> Planned:
        deliveries = plan_deliveries(
            arrival.event,
            subscriptions,
            transport=self._transport,
            now=utc_now(),
            traceparent=arrival.traceparent,
        )
        return Planned(arrival=arrival, deliveries=deliveries)

    async def _mark_dispatched(self, planned: Sequence[Planned], known: dict[str, bool]) -> None:
        now = utc_now()
        stored = [
            StoredEvent(
                event=plan.arrival.event,
                created_at=now,
                dispatched_at=now,
                matched=len(plan.deliveries),
                uncatalogued=self._catalogue.get(plan.arrival.event.type) is None,
            )
            for plan in planned
        ]
        await self._events.record_dispatched(stored, known=frozenset(known))

    async def _publish_tasks(self, planned: Sequence[Planned], present: dict[str, Delivery]) -> None:
        now = now_ms()
        messages = []
        for plan in planned:
            accepted_at = plan.arrival.accepted_at
            body = webhook_body(plan.arrival.event)
            for delivery in plan.deliveries:
                if delivery.state is not DeliveryState.PENDING:
                    if (update := delivery_updated(delivery)) is not None:
                        messages.append(event_message(update))
                    continue
                earlier = present.get(delivery.id)
                if _is_new(delivery, earlier):
                    messages.append(task_message(task_for(delivery, body, accepted_at=accepted_at), now_ms=now))
                elif earlier is not None and plan.arrival.redelivered and _never_tried(earlier):
                    again = task_for(delivery, body, accepted_at=accepted_at, republished_by="dispatcher")
                    messages.append(task_message(again, now_ms=now))
        await self._publisher.publish_all(messages)


def _is_new(delivery: Delivery, earlier: Delivery | None) -> bool:
    """Tell whether this try stored the delivery: it was not there before, or we stored it and the reply was lost."""
    return earlier is None or earlier.created_by == delivery.created_by


def _end_spans(arrivals: Sequence[Arrival], planned: Sequence[Planned]) -> None:
    deliveries = {plan.arrival.event.id: len(plan.deliveries) for plan in planned}
    for arrival in arrivals:
        if arrival.span is not None:
            arrival.span.note({"signalpost.deliveries": deliveries.get(arrival.event.id, 0)})
            arrival.span.end()


def _count(arrivals: Sequence[Arrival], planned: Sequence[Planned], earlier: dict[str, Delivery]) -> None:
    EVENTS_ACCEPTED.inc(len(arrivals))
    EVENTS_DISPATCHED.inc(len(planned))
    new = [item for plan in planned for item in plan.deliveries if _is_new(item, earlier.get(item.id))]
    for channel, created in Counter(delivery.channel for delivery in new).items():
        DELIVERIES_CREATED.labels(channel).inc(created)
    for channel, skipped in Counter(item.channel for item in new if item.state is DeliveryState.SKIPPED).items():
        DELIVERIES_FINISHED.labels(channel, DeliveryState.SKIPPED.value).inc(skipped)


def _never_tried(delivery: Delivery) -> bool:
    return delivery.state is DeliveryState.PENDING and delivery.attempts_made == 0
