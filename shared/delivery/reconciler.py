"""Finds stuck deliveries and events and publishes them again: it repairs what crashes and lost brokers leave behind.

A delivery is stuck if it was due a while ago and its queue is empty, so that no task of it can be waiting there. A
claim by conditional update lets only one process publish it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import structlog

from shared.broker import BrokerUnavailable
from shared.delivery.context import WorkerContext
from shared.delivery.ports import DeliveryStore, MessagePublisher
from shared.model.delivery import Delivery
from shared.model.event import StoredEvent, epoch_ms, webhook_body
from shared.model.reasons import UNFINISHED
from shared.model.routing import event_message, task_message
from shared.model.task import task_for
from shared.model.topology import CHANNELS, DEFERRED_EVENTS, EVENT, EVENTS_TO_DISPATCH, to_send_queue, topology
from shared.process.clock import now_ms, utc_now
from shared.telemetry.metrics import OLDEST_PENDING, QUEUE_MESSAGES, RECONCILER_REPUBLISHED

log = structlog.get_logger(__name__)

BATCH = 500
EVENTS_AT_ONCE = 20
"""An event may hold a MiB of data, so a whole batch could exceed a worker's memory."""
HOPELESS_BACKLOG = timedelta(hours=1)
"""What was due this long ago is published again even if its queue is not empty."""
MISSING_EVENT_WAIT = timedelta(hours=1)
"""How far a delivery is postponed whose event is not stored. After a crash between the two writes the event may still
be on the queue, and completes the delivery when it is dispatched. If it never is, retention removes the delivery."""


class Reconciler:
    """The periodic task; any number of processes may run one."""

    def __init__(self, context: WorkerContext, *, after: float) -> None:
        self._database, self._publisher, self._settler = context.database, context.publisher, context.settler
        self._events, self._deliveries = context.events, context.deliveries
        self._after = timedelta(seconds=after)
        self._interval = min(after / 4, 15.0)
        self._healthy_since = utc_now()

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.sweep()
            except BrokerUnavailable:
                self._healthy_since = utc_now()
            except Exception:  # a bug, or a document of another version: sweeping must go on
                log.exception("reconciler.bug")

    async def sweep(self) -> int:
        """Publish again what is stuck; returns how many.

        Raises:
            BrokerUnavailable: the broker can't say how full its queues are.
        """
        if not self._database.is_ready or not self._publisher.is_ready:
            # Right after an outage everything looks late; workers get the time to record what they hold.
            self._healthy_since = utc_now()
            await self._publisher.connect()
        await observe_backlog(self._publisher, self._deliveries)
        if utc_now() - self._healthy_since < self._after:
            return 0
        republished = await self._sweep_events()
        for channel in CHANNELS:
            republished += await self._sweep_channel(channel)
        if republished:
            log.warning("reconciler.republished", count=republished)
        return republished

    async def _sweep_channel(self, channel: str) -> int:
        overdue = await self._deliveries.due(
            channel=channel, before=await self._stuck_before(to_send_queue(channel)), limit=BATCH
        )
        by_event: dict[str, list[Delivery]] = {}
        for delivery in overdue:
            by_event.setdefault(delivery.event_id, []).append(delivery)
        republished = 0
        async for event_id, event in self._few_at_a_time(list(by_event)):
            for delivery in by_event[event_id]:
                if event is None:
                    await self._postpone(delivery)
                elif await self._deliveries.claim(delivery, due_at=utc_now()) and await self._resume(delivery, event):
                    RECONCILER_REPUBLISHED.labels(channel).inc()
                    republished += 1
        return republished

    async def _few_at_a_time(self, event_ids: Sequence[str]) -> AsyncIterator[tuple[str, StoredEvent | None]]:
        """Load events in order, with None for one that is not stored."""
        for start in range(0, len(event_ids), EVENTS_AT_ONCE):
            some = event_ids[start : start + EVENTS_AT_ONCE]
            found = await self._events.get_many(some)
            for event_id in some:
                yield event_id, found.pop(event_id, None)

    async def _postpone(self, delivery: Delivery) -> None:
        """Move a delivery that can't be sent out of the way of the others."""
        if await self._deliveries.claim(delivery, due_at=utc_now() + MISSING_EVENT_WAIT):
            log.error("reconciler.event_missing", delivery_id=delivery.id, event_id=delivery.event_id)

    async def _resume(self, delivery: Delivery, stored: StoredEvent) -> bool:
        task = task_for(delivery, webhook_body(stored.event), accepted_at=epoch_ms(stored.created_at)).at(
            attempt=delivery.attempts_made + 1, not_before=now_ms(), republished_by="reconciler"
        )
        try:
            if delivery.state in UNFINISHED:
                await self._publisher.publish(task_message(task, now_ms=now_ms()))
            else:
                await self._settler.follow_up(task, delivery)
        except BrokerUnavailable:
            raise
        except Exception:  # one faulty delivery must not stop the others
            log.exception("reconciler.bug", delivery_id=delivery.id, event_id=delivery.event_id)
            return False
        return True

    async def _sweep_events(self) -> int:
        before = await self._stuck_before(EVENTS_TO_DISPATCH, DEFERRED_EVENTS)
        republished = 0
        async for _, stored in self._few_at_a_time(await self._events.undispatched(before=before, limit=BATCH)):
            if stored is None or stored.dispatched_at is not None:
                continue  # dispatched since it was listed
            await self._publisher.publish(event_message(stored.event, accepted_at=epoch_ms(stored.created_at)))
            RECONCILER_REPUBLISHED.labels(EVENT).inc()
            republished += 1
        return republished

    async def _stuck_before(self, *queues: str) -> datetime:
        """Return the time before which anything still due is stuck: it can't be waiting in these queues."""
        waiting = sum([await self._publisher.message_count(queue) for queue in queues])
        return utc_now() - (max(self._after, HOPELESS_BACKLOG) if waiting else self._after)


async def observe_backlog(publisher: MessagePublisher, deliveries: DeliveryStore) -> None:
    """Set the gauges of the backlog: the oldest due delivery, and the messages in each queue.

    Raises:
        BrokerUnavailable: the broker can't say how full its queues are.
    """
    for channel in CHANNELS:
        now = utc_now()
        oldest = await deliveries.due(channel=channel, before=now, limit=1)
        waited = (now - oldest[0].due_at).total_seconds() if oldest and oldest[0].due_at else 0.0
        OLDEST_PENDING.labels(channel).set(waited)
    for queue in topology().queues:
        QUEUE_MESSAGES.labels(queue.name).set(await publisher.message_count(queue.name))
