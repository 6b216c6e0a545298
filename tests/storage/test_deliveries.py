"""What the delivery log keeps, and that it stays small enough to be written at all."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from shared.attempt import Attempt, Transition
from shared.clock import utc_now
from shared.reasons import DeliveryState
from shared.storage import Database, Deliveries, Delivery, Subscriptions
from shared.storage.deliveries import MAX_ATTEMPTS
from shared.storage.tenant_deliveries import Replay, TenantDeliveries


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    database = Database(stack.environment()["MONGODB_URL"], f"test-{uuid4().hex[:12]}", app="tests")
    yield database
    await database.aclose()


def _delivery() -> Delivery:
    now = utc_now()
    return Delivery(
        id="dlv_1",
        tenant_id="org_1",
        event_id="evt_1",
        event_type="certificate.issued",
        subscription_id="wh_1",
        channel="webhook",
        state=DeliveryState.PENDING,
        created_at=now,
        updated_at=now,
        due_at=now,
    )


def _failure(number: int) -> Transition:
    now = utc_now()
    return Transition(
        delivery_id="dlv_1",
        attempts_made_before=number - 1,
        attempt=Attempt(number=number, started_at=now, duration_ms=1, status=500, error="http_500"),
        state=DeliveryState.DEAD,
        at=now,
        due_at=now,
    )


async def test_a_delivery_replayed_again_and_again_keeps_its_latest_attempts_and_counts_them_all(
    database: Database,
) -> None:
    deliveries, log = Deliveries(database, Subscriptions(database)), TenantDeliveries(database)
    await deliveries.add([_delivery()])
    rounds = MAX_ATTEMPTS + 3
    for number in range(1, rounds + 1):
        assert await deliveries.record(_failure(number))
        replay = Replay(at=utc_now(), by="tests", cause=f"round {number}")
        assert await log.take_up("org_1", ["dlv_1"], states=[DeliveryState.DEAD], replay=replay)
    found = await log.get("org_1", "dlv_1")
    assert found is not None
    assert found.delivery.attempts_made == rounds
    assert [attempt.number for attempt in found.delivery.attempts] == list(range(4, rounds + 1))
    assert [replay.cause for replay in found.replays] == [f"round {number}" for number in range(4, rounds + 1)]
