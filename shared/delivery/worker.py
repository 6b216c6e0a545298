"""Runs the tasks of one channel's queue, each in a coroutine of its own, up to the ack.

The ack always comes last. A fault of ours never becomes a nack: the message waits unacked while a server is away, or
goes to a delay queue without costing an attempt.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from math import ceil

import structlog

from shared.broker import Incoming
from shared.delivery.attempt_span import attempting, note_result
from shared.delivery.context import WorkerContext
from shared.delivery.heartbeat import Heartbeat
from shared.delivery.precheck import Discard, Finish, needs_precheck, precheck, was_moved
from shared.delivery.result import Busy, OurFault, Result, Sender, SubscriptionDeleted
from shared.model.delivery import Delivery
from shared.model.event import InvalidMessage, NewerMessage, epoch_ms
from shared.model.reasons import DeadReason
from shared.model.routing import held_message
from shared.model.task import DeadLetterInfo, Task, parse_task
from shared.model.topology import DELAY_STEPS
from shared.process.clock import now_ms, utc_now
from shared.telemetry.metrics import ATTEMPTS_IN_FLIGHT, POSTPONED

log = structlog.get_logger(__name__)

_SHORTEST_STEP_MS = round(min(DELAY_STEPS.values()) * 1000)
DELAY_MARGIN = 0.1
"""Seconds added to a postponement for the way through the delay queues, which wait whole seconds. Without it a task
would come back a moment early and wait out the rest here, in a place that others need."""
_BUSY_WAIT = 5.0
_BUG_WAIT = 25.0


class DeliveryWorker:
    """Runs the pipeline for one channel."""

    def __init__(self, channel: str, sender: Sender, context: WorkerContext) -> None:
        self._channel, self._sender = channel, sender
        self._publisher, self._deliveries, self._settler = context.publisher, context.deliveries, context.settler
        self._heartbeat = Heartbeat(context.deliveries, reconcile_after=context.reconcile_after)
        self._tracing = context.tracing
        self._busy: set[str] = set()
        self._attempting = 0
        ATTEMPTS_IN_FLIGHT.labels(channel).set_function(lambda: self._attempting)

    async def handle(self, incoming: Incoming) -> None:
        """Work on one message and ack it."""
        try:
            task = parse_task(self._channel, incoming.headers, incoming.body)
        except NewerMessage as error:
            await self._hold(incoming, str(error))
        except InvalidMessage as error:
            log.error("message.undecodable", channel=self._channel, detail=str(error))
            info = DeadLetterInfo(reason=DeadReason.UNDECODABLE, detail=str(error))
            await self._settler.reject(self._channel, info, incoming)
        else:
            moved = was_moved(incoming.headers)
            await self._run(task, needs_check=needs_precheck(task, redelivered=incoming.redelivered, moved=moved))
        incoming.ack()

    async def _run(self, task: Task, *, needs_check: bool) -> None:
        if task.delivery_id in self._busy:
            # Another copy is being sent right now: check again when its outcome is recorded.
            await self._postpone(task, _BUSY_WAIT, why="second_copy")
            return
        self._busy.add(task.delivery_id)
        try:
            await self._deliver(task, needs_check=needs_check)
        except Exception:
            log.exception("delivery.bug", delivery_id=task.delivery_id, event_id=task.event_id)
            await self._postpone(task, _BUG_WAIT, why="bug")
        finally:
            self._busy.discard(task.delivery_id)

    async def _deliver(self, task: Task, *, needs_check: bool) -> None:
        # A first attempt is due when it comes: the clock of the machine that dispatched it may be ahead of ours.
        waits = task.attempt > 1 or bool(task.republished_by)
        early_ms = task.not_before - now_ms() if waits else 0
        if early_ms >= _SHORTEST_STEP_MS:
            await self._settler.publish(task)
            return
        if early_ms > 0:
            await asyncio.sleep(early_ms / 1000)
        attempt, delivery = task.attempt, None
        if needs_check:
            delivery = await self._deliveries.get(task.delivery_id)
            match precheck(task, delivery):
                case Discard(why):
                    log.debug("delivery.discarded", delivery_id=task.delivery_id, attempt=task.attempt, why=why)
                    return
                case Finish(ended):
                    await self._settler.follow_up(task, ended)
                    return
                case go:
                    attempt = go.attempt
        await self._attempt(task, attempt, delivery)

    async def _attempt(self, task: Task, attempt: int, delivery: Delivery | None) -> None:
        self._attempting += 1
        try:
            with self._heartbeat.during(task):
                result = await self._send(task, attempt, delivery)
        finally:
            self._attempting -= 1
        if isinstance(result, SubscriptionDeleted):
            await self._deliveries.remove(task.delivery_id)
        elif isinstance(result, Busy):
            await self._postpone(task, result.wait, why="endpoint_busy")
        elif isinstance(result, OurFault):
            log.warning("delivery.postponed", delivery_id=task.delivery_id, detail=result.detail, wait=result.wait)
            await self._postpone(task, result.wait, why="our_fault")
        else:
            round_start = delivery.round_start if delivery is not None else 0
            await self._settler.settle(
                task, attempt, result, round_start=round_start, recorded=lambda: self._busy.discard(task.delivery_id)
            )

    async def _send(self, task: Task, attempt: int, delivery: Delivery | None) -> Result:
        if self._tracing is None:
            return await self._sender.send(task, attempt)
        with attempting(self._tracing, task, attempt, delivery, now=utc_now()) as span:
            result = await self._sender.send(replace(task, traceparent=span.traceparent), attempt)
            note_result(span, result)
            return result

    async def _postpone(self, task: Task, wait: float, *, why: str) -> None:
        """Repeat a task later without costing an attempt; it is prechecked then."""
        POSTPONED.labels(self._channel, why).inc()
        due_at = utc_now() + timedelta(seconds=ceil(wait) + DELAY_MARGIN)
        await self._deliveries.defer(task.delivery_id, due_at)
        if why != "second_copy":
            self._busy.discard(task.delivery_id)  # the copy that is published now may come before its confirm
        await self._settler.publish(
            task.at(attempt=task.attempt, not_before=epoch_ms(due_at), republished_by=self._channel)
        )

    async def _hold(self, incoming: Incoming, detail: str) -> None:
        """Leave a task to a newer version, which runs beside this one during an update."""
        log.warning("message.newer", channel=self._channel, detail=detail)
        POSTPONED.labels(self._channel, "newer_version").inc()
        await self._publisher.publish(held_message(self._channel, incoming))
