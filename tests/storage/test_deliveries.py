"""What the delivery log keeps, and that it stays small enough to be written at all."""

from datetime import timedelta

from shared.model.delivery import Attempt, Replay, Transition
from shared.model.reasons import DeliveryState
from shared.process.clock import utc_now
from shared.storage import Database, Deliveries, Subscriptions
from shared.storage.deliveries import MAX_ATTEMPTS
from shared.storage.tenant.deliveries import TenantDeliveries
from tests.support.values import a_delivery


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
    await deliveries.add([a_delivery()])
    rounds = MAX_ATTEMPTS + 3
    for number in range(1, rounds + 1):
        assert await deliveries.record(_failure(number))
        replay = Replay(at=utc_now(), by="tests", cause=f"round {number}")
        assert await log.requeue("org_1", ["dlv_1"], states=[DeliveryState.DEAD], replay=replay)
    found = await log.get("org_1", "dlv_1")
    assert found is not None
    assert found.delivery.attempts_made == rounds
    assert [attempt.number for attempt in found.delivery.attempts] == list(range(4, rounds + 1))
    assert [replay.cause for replay in found.replays] == [f"round {number}" for number in range(4, rounds + 1)]


async def test_what_a_newer_version_left_in_a_state_unknown_here_keeps_no_other_from_being_found_due(
    database: Database,
) -> None:
    deliveries, overdue = Deliveries(database, Subscriptions(database)), utc_now() - timedelta(minutes=1)
    await deliveries.add([a_delivery(id=f"dlv_{number}", due_at=overdue) for number in range(2)])
    await database.deliveries.update_one({"_id": "dlv_0"}, {"$set": {"state": "of a later version"}})
    found = await deliveries.due(channel="webhook", before=utc_now(), limit=10)
    assert [delivery.id for delivery in found] == ["dlv_1"]
