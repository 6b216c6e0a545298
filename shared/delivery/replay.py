"""Sends finished deliveries again: judges whether that makes sense now, and takes them up.

Shared by the HTTP API (one tenant's) and `worker dlq` (everybody's). The document is changed first and the task
published then, so that a broker that is away delays it and loses nothing.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.model.delivery import Attempt, Delivery, Replay
from shared.model.event import StoredEvent, epoch_ms, webhook_body
from shared.model.reasons import DeliveryState
from shared.model.system_events import CONFIRMATION, TEST_EVENT
from shared.model.task import Task, task_for
from shared.process.clock import now_ms
from shared.storage.tenant.deliveries import TenantDeliveries
from shared.storage.tenant.events import TenantEvents
from shared.storage.tenant.webhooks import TenantWebhooks, WebhookScope

Target = tuple[str, str, str]
"""Tenant, subscription and recipient: where a delivery goes."""


@dataclass(frozen=True, kw_only=True)
class ReplayRefusal:
    """Why a delivery should not be sent again now."""

    code: str
    detail: str


WEBHOOK_DISABLED: Final = ReplayRefusal(
    code="webhook_disabled", detail="The webhook is disabled: enable it first (PATCH with enabled: true)."
)
STILL_FAILING: Final = ReplayRefusal(
    code="target_still_failing",
    detail="The target's last attempt failed after this was given up. Wait until it takes something, "
    "or set `force` if you know that it works again.",
)

CONFIRMATION_SENT: Final = ReplayRefusal(
    code="confirmation_sent",
    detail="This asked an address to confirm. POST /api/v1/email-subscriptions asks again, if not too often.",
)


class GivenUp:
    """When each target was last given up, among the dead letters that are to be replayed together.

    Of several dead letters to one target, each is evidence that the ones before it should wait; but whoever replays
    all of them at once knows of all of them, so only what failed after the last one counts.
    """

    def __init__(self, letters: Iterable[Delivery] = ()) -> None:
        self._at: dict[Target, datetime] = {}
        for letter in letters:
            self.add(letter)

    def add(self, letter: Delivery) -> None:
        """Count a dead letter in."""
        target = _target(letter)
        self._at[target] = max(self._at.get(target, _ended_at(letter)), _ended_at(letter))

    def at(self, letter: Delivery) -> datetime:
        """Return when the target of a dead letter was given up last."""
        return self._at.get(_target(letter), _ended_at(letter))


class Targets:
    """Judges whether sending to a target again makes sense, looking at each target once."""

    def __init__(self, webhooks: TenantWebhooks, deliveries: TenantDeliveries, *, given_up: GivenUp) -> None:
        self._webhooks, self._deliveries, self._given_up = webhooks, deliveries, given_up
        self._enabled: dict[str, bool] = {}
        self._last: dict[Target, Attempt | None] = {}

    async def refusal(self, delivery: Delivery, *, force: bool) -> ReplayRefusal | None:
        """Return why this delivery should not be sent now, or None; `force` overrules that its target fails."""
        if delivery.event_type == CONFIRMATION and delivery.state is not DeliveryState.SKIPPED:
            return CONFIRMATION_SENT
        if not await self._is_enabled(delivery):
            return WEBHOOK_DISABLED
        if force or not await self._fails_since(delivery):
            return None
        return STILL_FAILING

    async def _is_enabled(self, delivery: Delivery) -> bool:
        webhook_id = delivery.subscription_id
        if not webhook_id or delivery.event_type == TEST_EVENT:
            return True
        if webhook_id not in self._enabled:
            webhook = await self._webhooks.get(WebhookScope(tenant_id=delivery.tenant_id), webhook_id)
            self._enabled[webhook_id] = webhook is None or webhook.enabled
        return self._enabled[webhook_id]

    async def _fails_since(self, delivery: Delivery) -> bool:
        target = _target(delivery)
        if target not in self._last:
            self._last[target] = await self._deliveries.last_attempt(delivery)
        last = self._last[target]
        return last is not None and last.error is not None and last.ended_at > self._given_up.at(delivery)


def _target(delivery: Delivery) -> Target:
    return delivery.tenant_id, delivery.subscription_id, delivery.recipient


def _ended_at(letter: Delivery) -> datetime:
    # Both, because an attempt's duration is rounded: it may seem to have ended after it was recorded.
    attempts = letter.attempts[-1:]
    return max(letter.updated_at, *(attempt.ended_at for attempt in attempts)) if attempts else letter.updated_at


async def requeue(
    events: TenantEvents,
    deliveries: TenantDeliveries,
    chosen: Sequence[Delivery],
    *,
    states: Sequence[DeliveryState],
    replay: Replay,
    republished_by: str,
) -> list[Task]:
    """Give finished deliveries a fresh round of attempts; returns their tasks, the oldest delivery first.

    Those that somebody else took up first, that are in another state, or whose event is no longer stored are left
    alone. The others are as good as published: if the caller ends here, the reconciler publishes them.

    Args:
        events: where their events are.
        deliveries: where they are.
        chosen: which ones, of any tenants.
        states: in which states they are taken.
        replay: who asks for it, and why.
        republished_by: who is going to publish the tasks.

    Raises:
        StorageUnavailable: the database did not answer; some may have been taken up.
    """
    by_tenant: dict[str, list[Delivery]] = {}
    for delivery in chosen:
        by_tenant.setdefault(delivery.tenant_id, []).append(delivery)

    def again(delivery: Delivery, event: StoredEvent) -> Task:
        task = task_for(delivery, webhook_body(event.event), accepted_at=epoch_ms(event.created_at))
        return task.at(attempt=task.attempt, not_before=now_ms(), republished_by=republished_by)

    async def take(tenant_id: str, own: Sequence[Delivery]) -> list[tuple[datetime, Task]]:
        stored = await events.get_many(tenant_id, [delivery.event_id for delivery in own])
        ids = [delivery.id for delivery in own if delivery.event_id in stored]
        taken = await deliveries.requeue(tenant_id, ids, states=states, replay=replay)
        return [(delivery.created_at, again(delivery, stored[delivery.event_id])) for delivery in taken]

    tasks = await asyncio.gather(*(take(tenant_id, own) for tenant_id, own in by_tenant.items()))
    ordered = sorted((item for some in tasks for item in some), key=lambda item: item[0])
    return [task for _, task in ordered]
