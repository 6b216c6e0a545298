"""Sends finished deliveries again: checks whether that makes sense now, and requeues them.

Shared by the HTTP API (one tenant's deliveries) and `worker dlq` (all tenants'). The document is changed first and
the task published afterwards, so an absent broker delays a replay and loses nothing.
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
    detail="The target's last attempt failed after this delivery was given up. Wait until it accepts a delivery, "
    "or set `force` if you know that it works again.",
)

CONFIRMATION_SENT: Final = ReplayRefusal(
    code="confirmation_sent",
    detail="This mail asked an address to confirm. POST /api/v1/email-subscriptions sends another, within limits.",
)


class GivenUp:
    """When each target was last given up, among the dead deliveries that are replayed together.

    A later failure of a target is a reason not to replay an earlier one. But the caller knows about the deliveries
    that it replays together, so only failures after the last of them count.
    """

    def __init__(self, deliveries: Iterable[Delivery] = ()) -> None:
        self._at: dict[Target, datetime] = {}
        for delivery in deliveries:
            self.add(delivery)

    def add(self, delivery: Delivery) -> None:
        """Include a dead delivery."""
        target = _target(delivery)
        self._at[target] = max(self._at.get(target, _ended_at(delivery)), _ended_at(delivery))

    def at(self, delivery: Delivery) -> datetime:
        """Return when the target of a dead delivery was last given up."""
        return self._at.get(_target(delivery), _ended_at(delivery))


class Targets:
    """Checks whether sending to a target again makes sense; reads each target once."""

    def __init__(self, webhooks: TenantWebhooks, deliveries: TenantDeliveries, *, given_up: GivenUp) -> None:
        self._webhooks, self._deliveries, self._given_up = webhooks, deliveries, given_up
        self._enabled: dict[str, bool] = {}
        self._last: dict[Target, Attempt | None] = {}

    async def refusal(self, delivery: Delivery, *, force: bool) -> ReplayRefusal | None:
        """Return why this delivery should not be sent now, or None; `force` ignores that its target is failing."""
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


def _ended_at(delivery: Delivery) -> datetime:
    # An attempt's duration is rounded, so it may seem to have ended after it was recorded.
    attempts = delivery.attempts[-1:]
    return max(delivery.updated_at, *(attempt.ended_at for attempt in attempts)) if attempts else delivery.updated_at


async def requeue(
    events: TenantEvents,
    deliveries: TenantDeliveries,
    chosen: Sequence[Delivery],
    *,
    states: Sequence[DeliveryState],
    replay: Replay,
    republished_by: str,
) -> list[Task]:
    """Give finished deliveries a new round of attempts; returns their tasks, the oldest delivery first.

    Deliveries are skipped that another caller requeued first, that are in another state, or whose event is no longer
    stored. If the caller dies before it publishes the tasks, the reconciler publishes them.

    Args:
        events: the store of their events.
        deliveries: the store of the deliveries.
        chosen: the deliveries, of any tenants.
        states: the states that may be requeued.
        replay: who asks for it, and why.
        republished_by: who will publish the tasks.

    Raises:
        StorageUnavailable: the database did not answer; some may have been requeued.
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
