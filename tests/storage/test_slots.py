"""Booking slots of a rate-limited webhook: their distance, who is sent away for how long, and whose clock counts."""

import asyncio
from uuid import uuid4

import pytest

from shared.storage import Database, Slots
from shared.storage.rate_limits import MAX_AWAY, PATIENCE


async def limited(database: Database, rate_limit: float | None, **pace: float) -> str:
    """The id of a webhook with this limit."""
    webhook_id = f"wh_{uuid4().hex}"
    await database.subscriptions.insert_one({"_id": webhook_id, "rate_limit": rate_limit, "pace": pace or None})
    return webhook_id


async def test_slots_come_one_interval_after_the_other_and_whoever_gets_none_waits_whole_seconds(
    database: Database,
) -> None:
    slots, webhook_id = Slots(database), await limited(database, 4)
    booked = await asyncio.gather(*(slots.book(webhook_id) for _ in range(13)))
    assert [slot.wait for slot in booked if slot.is_booked] == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=1e-6)
    assert [slot.wait for slot in booked if not slot.is_booked] == [1, 2, 2, 2, 2, 2, 3, 3]


async def test_two_processes_share_one_row_of_slots(database: Database) -> None:
    webhook_id = await limited(database, 2)
    first, second = await asyncio.gather(Slots(database).book(webhook_id), Slots(database).book(webhook_id))
    assert abs(first.wait - second.wait) > 0.25  # the wait counts from each one's own booking


async def test_a_crowd_that_would_wait_for_hours_comes_back_at_different_times(database: Database) -> None:
    now = (await database.subscriptions.database.command("hello"))["localTime"].timestamp()
    webhook_id = await limited(database, 1, next=now + 60, after=now + 2 * MAX_AWAY)
    booked = await asyncio.gather(*(Slots(database).book(webhook_id) for _ in range(50)))
    waits = [slot.wait for slot in booked]
    assert not any(slot.is_booked for slot in booked)
    assert max(waits) - min(waits) > MAX_AWAY / 10


async def test_slots_that_nobody_used_are_not_made_up_for(database: Database) -> None:
    slots, webhook_id = Slots(database), await limited(database, 4, next=1.0, after=1.0)
    booked = await asyncio.gather(*(slots.book(webhook_id) for _ in range(3)))
    assert [slot.wait for slot in booked] == pytest.approx([0, 0.25, 0.5], abs=1e-6)


async def test_without_a_limit_nobody_waits(database: Database) -> None:
    slots, webhook_id = Slots(database), await limited(database, None)
    booked = await asyncio.gather(*(slots.book(webhook_id) for _ in range(3)))
    assert all(slot.is_booked and slot.wait < PATIENCE / 1000 for slot in booked)
