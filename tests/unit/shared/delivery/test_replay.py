"""Whether sending again makes sense, and the tasks that come of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from shared.delivery import replay
from shared.delivery.replay import CONFIRMATION_SENT, STILL_FAILING, WEBHOOK_DISABLED, GivenUp, Targets
from shared.model.delivery import Attempt, Delivery, Replay
from shared.model.event import StoredEvent
from shared.model.reasons import DeliveryState
from shared.model.subscription import Subscription
from shared.model.system_events import CONFIRMATION, TEST_EVENT
from tests.support.fresh import NOW, TENANT, a_delivery, a_subscription, an_event

CAUSE = Replay(at=NOW, by="tests", cause="mended")


@dataclass
class Records:
    """What one tenant has."""

    webhook: Subscription | None = None
    last: Attempt | None = None
    events: dict[str, StoredEvent] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    looks: int = 0

    async def get(self, scope: object, webhook_id: str) -> Subscription | None:
        self.looks += 1
        return self.webhook

    async def last_attempt(self, delivery: Delivery) -> Attempt | None:
        self.looks += 1
        return self.last

    async def get_many(self, tenant_id: str, event_ids: Sequence[str]) -> dict[str, StoredEvent]:
        return {event_id: self.events[event_id] for event_id in event_ids if event_id in self.events}

    async def requeue(
        self, tenant_id: str, ids: Sequence[str], *, states: Sequence[DeliveryState], replay: Replay
    ) -> list[Delivery]:
        return [self.deliveries[one] for one in ids if self.deliveries[one].state in states]


def dead(**changes: Any) -> Delivery:
    return a_delivery(**{"state": DeliveryState.DEAD, "reason": "http_4xx", "attempts_made": 1} | changes)


def failed(*, seconds: float) -> Attempt:
    return Attempt(number=1, started_at=NOW + timedelta(seconds=seconds), duration_ms=0, status=500, error="http_500")


async def refusal(records: Records, delivery: Delivery, *, force: bool = False, together: bool = False) -> object:
    given_up = GivenUp([delivery] if together else [])
    return await Targets(cast("Any", records), cast("Any", records), given_up=given_up).refusal(delivery, force=force)


async def test_a_target_that_failed_after_it_was_given_up_is_refused_unless_forced() -> None:
    records = Records(webhook=a_subscription(), last=failed(seconds=10))
    assert await refusal(records, dead()) == STILL_FAILING
    assert await refusal(records, dead(), force=True) is None


async def test_a_target_whose_last_failure_is_the_one_that_was_given_up_may_be_tried() -> None:
    attempt = failed(seconds=0)
    assert await refusal(Records(webhook=a_subscription(), last=attempt), dead(attempts=(attempt,))) is None
    assert await refusal(Records(webhook=a_subscription()), dead(), together=True) is None


async def test_a_disabled_webhook_has_to_be_enabled_first_but_a_test_may_go() -> None:
    records = Records(webhook=a_subscription(enabled=False))
    assert await refusal(records, dead(), force=True) == WEBHOOK_DISABLED
    assert await refusal(records, dead(event_type=TEST_EVENT)) is None
    assert await refusal(records, dead(subscription_id="", recipient="a@example.com")) is None


async def test_a_request_to_confirm_is_not_repeated_by_replay() -> None:
    assert await refusal(Records(), dead(event_type=CONFIRMATION), force=True) == CONFIRMATION_SENT


async def test_each_target_is_looked_at_once() -> None:
    records = Records(webhook=a_subscription())
    targets = Targets(cast("Any", records), cast("Any", records), given_up=GivenUp())
    for _ in range(3):
        assert await targets.refusal(dead(), force=False) is None
    assert records.looks == 2


@pytest.mark.parametrize("states", [[DeliveryState.DEAD], [DeliveryState.SKIPPED]])
async def test_requeued_deliveries_become_tasks_oldest_first(states: list[DeliveryState]) -> None:
    event = an_event()
    stored = StoredEvent(event=event, created_at=NOW, dispatched_at=NOW, matched=1, uncatalogued=False)
    old, new = (dead(event_id=event.id, created_at=NOW + timedelta(seconds=s), state=states[0]) for s in (0, 9))
    lost = dead(event_id="evt_gone", state=states[0])
    records = Records(events={event.id: stored}, deliveries={one.id: one for one in (new, old, lost)})
    tasks = await replay.requeue(
        cast("Any", records),
        cast("Any", records),
        [new, old, lost],
        states=states,
        replay=CAUSE,
        republished_by="api",
    )
    assert [task.delivery_id for task in tasks] == [old.id, new.id]
    assert {(task.tenant_id, task.republished_by) for task in tasks} == {(TENANT, "api")}


def test_the_latest_of_several_dead_letters_counts() -> None:
    first, second = dead(updated_at=NOW), dead(updated_at=NOW + timedelta(seconds=5))
    given_up = GivenUp([second, first])
    assert given_up.at(first) == second.updated_at
    assert given_up.at(replace(first, subscription_id="wh_other")) == first.updated_at
