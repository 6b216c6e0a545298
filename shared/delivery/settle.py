"""The one place that decides what follows a result: record it, then publish what follows from it.

The order is the guarantee: nothing is published before it is recorded, and the worker acks only when both are
confirmed. After a crash in between, the document's `due_at` shows what is left to do.
"""

import random
from collections.abc import Callable
from datetime import datetime

import structlog

from shared.delivery.outcome import Countable, transition_for
from shared.delivery.ports import DeliveryStore, MessagePublisher, SubscriptionStore
from shared.model.delivery import Delivery, Transition
from shared.model.event import epoch_ms
from shared.model.reasons import RECEIVER_FAULTS, UNFINISHED, DeadReason, DeliveryState, DisabledReason
from shared.model.routing import Received, dead_task_message, event_message, rejected_message, task_message
from shared.model.system_events import dead_lettered, delivery_updated, is_export_mail, is_internal, webhook_disabled
from shared.model.task import DeadLetterInfo, Task
from shared.model.topology import DELAY_HEADER, WEBHOOK
from shared.process.clock import now_ms, utc_now
from shared.telemetry.attempts import attempt_outcome, record_transition
from shared.telemetry.metrics import DEAD_LETTERS, DELAYED_TASKS, WEBHOOKS_DISABLED

log = structlog.get_logger(__name__)


class Settler:
    """Records results and publishes their consequences."""

    def __init__(
        self,
        publisher: MessagePublisher,
        deliveries: DeliveryStore,
        subscriptions: SubscriptionStore,
        *,
        auto_disable_after: int,
    ) -> None:
        self._publisher = publisher
        self._deliveries = deliveries
        self._subscriptions = subscriptions
        self._auto_disable_after = auto_disable_after

    async def settle(
        self, task: Task, attempt: int, result: Countable, *, round_start: int, recorded: Callable[[], None]
    ) -> None:
        """Record a result and publish what follows; does nothing if the delivery has changed meanwhile.

        `recorded` is called in between: from then on another copy of the delivery is the next attempt, which may
        come back before the confirm of its publish does.
        """
        transition = transition_for(
            task,
            attempt,
            result,
            round_start=round_start,
            now=utc_now(),
            jitter=random.random(),  # noqa: S311
        )
        was_recorded = await self._deliveries.record(transition)
        recorded()
        _log_attempt(task, transition, recorded=was_recorded)
        if not was_recorded:
            return
        record_transition(task, transition)
        if transition.state is DeliveryState.DEAD or is_export_mail(task):
            delivery = await self._deliveries.get(task.delivery_id)
            if delivery is not None:
                await self.follow_up(task, delivery)
        if transition.state is DeliveryState.RETRYING and transition.due_at is not None:
            await self.publish(task.at(attempt=attempt + 1, not_before=epoch_ms(transition.due_at)))

    async def publish(self, task: Task) -> None:
        """Publish a task, through a delay queue if it is not due yet."""
        message = task_message(task, now_ms=now_ms())
        await self._publisher.publish(message)
        if (step := message.headers.get(DELAY_HEADER)) is not None:
            DELAYED_TASKS.labels(step).inc()

    async def follow_up(self, task: Task, delivery: Delivery) -> None:
        """Publish what follows from a delivery's new state; after a crash at most the dead letter is repeated."""
        update = delivery_updated(delivery)
        if update is not None:
            await self._publisher.publish(event_message(update))
        if delivery.state is DeliveryState.DEAD:
            await self._dead_letter(task, delivery)
        if delivery.state not in UNFINISHED:
            await self._deliveries.clear_due(delivery.id)

    async def _dead_letter(self, task: Task, delivery: Delivery) -> None:
        if delivery.channel == WEBHOOK and not is_internal(delivery.event_type):
            await self._charge(delivery)
        event = dead_lettered(delivery)
        if event is not None:
            await self._publisher.publish(event_message(event))
        info = dead_letter_for(delivery)
        await self._publisher.publish(dead_task_message(task, info, attempt=max(delivery.attempts_made, 1)))
        DEAD_LETTERS.labels(task.channel, info.reason.value).inc()

    async def reject(self, key: str, info: DeadLetterInfo, received: Received) -> None:
        """Dead-letter a message that can't be worked on; `key` is webhook, email or event."""
        await self._publisher.publish(rejected_message(key, info, received))
        DEAD_LETTERS.labels(key, info.reason.value).inc()

    async def _charge(self, delivery: Delivery) -> None:
        """Count the failure against the webhook, and publish an event if that disabled it."""
        disabled = None
        if delivery.reason == DeadReason.GONE:
            disabled = await self._subscriptions.disable(
                delivery.subscription_id, reason=DisabledReason.GONE, by=delivery.id, ended_at=delivery.updated_at
            )
        elif delivery.reason in RECEIVER_FAULTS:
            disabled = await self._subscriptions.count_failure(
                delivery.subscription_id,
                delivery.id,
                threshold=self._auto_disable_after,
                ended_at=delivery.updated_at,
            )
        if disabled is not None:
            WEBHOOKS_DISABLED.labels(disabled.disabled_reason).inc()
            log.warning("webhook.disabled", webhook_id=disabled.id, reason=disabled.disabled_reason)
            await self._publisher.publish(event_message(webhook_disabled(disabled)))


def dead_letter_for(delivery: Delivery) -> DeadLetterInfo:
    """Return the dead-letter headers of a dead delivery."""
    attempts = delivery.attempts
    reason = DeadReason(delivery.reason or DeadReason.CRASH_LOOP)
    return DeadLetterInfo(
        reason=reason,
        detail=delivery.detail or reason.sentence,
        status=attempts[-1].status if attempts else None,
        attempts=delivery.attempts_made,
        first_attempt_at=attempts[0].started_at if attempts else None,
        last_attempt_at=attempts[-1].started_at if attempts else None,
        target=delivery.target,
    )


def _log_attempt(task: Task, transition: Transition, *, recorded: bool) -> None:
    """Write the log line of an attempt."""
    attempt = transition.attempt
    log.info(
        "delivery.attempted" if attempt is not None else "delivery.ended_unsent",
        delivery_id=task.delivery_id,
        event_id=task.event_id,
        event_type=task.event_type,
        tenant_id=task.tenant_id,
        subscription_id=task.subscription_id,
        channel=task.channel,
        state=transition.state.value,
        attempt=attempt.number if attempt is not None else None,
        outcome=attempt_outcome(attempt) if attempt is not None else None,
        status=attempt.status if attempt is not None else None,
        error=attempt.error if attempt is not None else None,
        duration_ms=attempt.duration_ms if attempt is not None else None,
        reason=transition.reason,
        next_attempt_at=_text(transition.due_at) if transition.state is DeliveryState.RETRYING else None,
        recorded=recorded,
        message_id=attempt.message_id or None if attempt is not None else None,
        trace_id=task.traceparent[3:35] or None,
    )


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
