"""Replay, resend and recover: finished deliveries get a fresh round of attempts.

The delivery's document is changed first and the task published then, so that a broker that is away delays it and
loses nothing. Whether it makes sense (is the target enabled, did it fail since?) is judged before.
"""

from collections.abc import Sequence
from typing import Final

from services.api.deliveries.schemas import RecoverSkipped, Refused, ReplayMany, ReplayOne
from services.api.http.context import ApiContext
from services.api.http.problems import Problem, not_found
from services.api.http.publishing import publish_confirmed
from shared.delivery.replay import WEBHOOK_DISABLED, GivenUp, Targets, requeue
from shared.model.delivery import Delivery, LoggedDelivery, Replay
from shared.model.reasons import FINISHED, DeliveryState
from shared.model.routing import task_message
from shared.model.subscription import Subscription
from shared.model.system_events import TEST_EVENT
from shared.process.clock import now_ms, utc_now
from shared.storage.tenant.deliveries import DeliveryFilter
from shared.storage.tenant.pages import Position

CHUNK: Final = 200
"""Deliveries taken up and published together."""
RECOVERABLE: Final = (DeliveryState.DEAD, DeliveryState.SKIPPED)


async def resend(context: ApiContext, tenant_id: str, delivery_id: str, *, by: str) -> LoggedDelivery:
    """Send one finished delivery again, whatever came of it.

    Raises:
        Problem: there is none, it is not finished, its webhook is disabled, or its event is no longer stored.
    """
    delivery = (await _found(context, tenant_id, delivery_id, "delivery")).delivery
    if delivery.state not in FINISHED:
        raise Problem(409, "delivery_unfinished", f"It is {delivery.state.value}: wait until it has ended.")
    refusal = await _targets(context, [delivery]).refusal(delivery, force=True)
    if refusal is not None:
        raise Problem(409, refusal.code, refusal.detail)
    replay = Replay(at=utc_now(), by=by, cause="resent by hand")
    return await _send_one(context, delivery, states=FINISHED, replay=replay)


async def replay_one(
    context: ApiContext, tenant_id: str, delivery_id: str, wanted: ReplayOne, *, by: str
) -> LoggedDelivery:
    """Send one dead letter again.

    Raises:
        Problem: there is none, or it is refused.
    """
    delivery = (await _found(context, tenant_id, delivery_id, "dead letter")).delivery
    if delivery.state is not DeliveryState.DEAD:
        raise Problem(409, "not_dead", f"It is {delivery.state.value}; only dead letters are replayed.")
    refusal = await _targets(context, [delivery]).refusal(delivery, force=wanted.force)
    if refusal is not None:
        raise Problem(409, refusal.code, refusal.detail)
    replay = Replay(at=utc_now(), by=by, cause=wanted.cause)
    return await _send_one(context, delivery, states=(DeliveryState.DEAD,), replay=replay)


async def replay_many(
    context: ApiContext, tenant_id: str, wanted: ReplayMany, *, by: str
) -> tuple[int, int, list[Refused]]:
    """Send dead letters again; returns how many match, how many were sent (or would be), and which were refused.

    Raises:
        Problem: every one of them is refused.
    """
    dead = DeliveryFilter(
        states=(DeliveryState.DEAD,),
        reason=wanted.reason,
        channel=wanted.channel,
        subscription_id=wanted.webhook,
        since=wanted.since,
        until=wanted.until,
    )
    matched = await context.deliveries.count(tenant_id, dead)
    rows = await context.deliveries.page(tenant_id, dead, after=None, limit=wanted.limit)
    letters = [row.delivery for row in reversed(rows)]  # receivers get them in the order in which they came
    accepted, refused = await _judged(context, letters, force=wanted.force)
    if refused and not accepted and not wanted.dry_run:
        raise Problem(409, refused[0].code, refused[0].detail)
    if wanted.dry_run:
        return matched, len(accepted), refused
    replay = Replay(at=utc_now(), by=by, cause=wanted.cause)
    return matched, await _send(context, accepted, states=(DeliveryState.DEAD,), replay=replay), refused


async def recover_skipped(
    context: ApiContext, tenant_id: str, wanted: RecoverSkipped, *, by: str
) -> tuple[int, int, list[Refused]]:
    """Send what was skipped, the oldest first; returns the same as `replay_many`.

    What still is not to be sent (the transport is off, the address unconfirmed) is skipped again by its sender.
    """
    skipped = DeliveryFilter(
        states=(DeliveryState.SKIPPED,),
        channel=wanted.channel,
        without_type=TEST_EVENT,
        since=wanted.since,
        until=wanted.until or utc_now(),  # what comes while this runs is not what was missed
    )
    matched = await context.deliveries.count(tenant_id, skipped)
    rows = await context.deliveries.page(tenant_id, skipped, after=None, limit=wanted.limit, oldest_first=True)
    accepted, refused = await _judged(context, [row.delivery for row in rows], force=True)
    if wanted.dry_run:
        return matched, len(accepted), refused
    replay = Replay(at=utc_now(), by=by, cause="recovered")
    return matched, await _send(context, accepted, states=(DeliveryState.SKIPPED,), replay=replay), refused


async def recover(context: ApiContext, webhook: Subscription, missed: DeliveryFilter, *, by: str) -> int:
    """Send again what a webhook missed, the oldest first; returns how many that were.

    Raises:
        Problem: the webhook is disabled.
    """
    if not webhook.enabled:
        raise Problem(409, WEBHOOK_DISABLED.code, WEBHOOK_DISABLED.detail)
    replay = Replay(at=utc_now(), by=by, cause="recovered")
    after: Position | None = None
    sent = 0
    while True:
        rows = await context.deliveries.page(webhook.tenant_id, missed, after=after, limit=CHUNK, oldest_first=True)
        if not rows:
            return sent
        deliveries = [row.delivery for row in rows]
        sent += await _send(context, deliveries, states=RECOVERABLE, replay=replay)
        after = Position(deliveries[-1].created_at, deliveries[-1].id)


async def _judged(
    context: ApiContext, chosen: Sequence[Delivery], *, force: bool
) -> tuple[list[Delivery], list[Refused]]:
    """Return which of these may be sent again, and why the others may not."""
    targets = _targets(context, chosen)
    judged = [(delivery, await targets.refusal(delivery, force=force)) for delivery in chosen]
    refused = [
        Refused(delivery_id=delivery.id, code=refusal.code, detail=refusal.detail)
        for delivery, refusal in judged
        if refusal is not None
    ]
    return [delivery for delivery, refusal in judged if refusal is None], refused


def _targets(context: ApiContext, letters: Sequence[Delivery]) -> Targets:
    return Targets(context.webhooks, context.deliveries, given_up=GivenUp(letters))


async def _found(context: ApiContext, tenant_id: str, delivery_id: str, what: str) -> LoggedDelivery:
    found = await context.deliveries.get(tenant_id, delivery_id)
    if found is None:
        raise not_found(what)
    return found


async def _send_one(
    context: ApiContext, delivery: Delivery, *, states: Sequence[DeliveryState], replay: Replay
) -> LoggedDelivery:
    if not await _send(context, [delivery], states=states, replay=replay):
        raise Problem(
            409, "changed_meanwhile", "It is being sent already, or its event is no longer stored; look again."
        )
    return await _found(context, delivery.tenant_id, delivery.id, "delivery")


async def _send(
    context: ApiContext, deliveries: Sequence[Delivery], *, states: Sequence[DeliveryState], replay: Replay
) -> int:
    """Take deliveries up and publish their tasks; returns how many there were."""
    sent = 0
    for start in range(0, len(deliveries), CHUNK):
        chunk = deliveries[start : start + CHUNK]
        tasks = await requeue(
            context.events, context.deliveries, chunk, states=states, replay=replay, republished_by="api"
        )
        await publish_confirmed(context, [task_message(task, now_ms=now_ms()) for task in tasks])
        sent += len(tasks)
    return sent
