"""Reserving times for a rate-limited webhook: distances, deferrals, and whose clock counts."""

import asyncio
from uuid import uuid4

import pytest

from shared.storage import Database, RateLimiter
from shared.storage.rate_limits import MAX_DEFERRAL, MAX_LOCAL_WAIT


async def limited(database: Database, rate_limit: float | None, **pace: float) -> str:
    """The id of a webhook with this limit."""
    webhook_id = f"wh_{uuid4().hex}"
    await database.subscriptions.insert_one({"_id": webhook_id, "rate_limit": rate_limit, "pace": pace or None})
    return webhook_id


async def test_reservations_are_one_interval_apart_and_the_rest_waits_whole_seconds(
    database: Database,
) -> None:
    limiter, webhook_id = RateLimiter(database), await limited(database, 4)
    reservations = await asyncio.gather(*(limiter.reserve(webhook_id) for _ in range(13)))
    assert [reservation.wait for reservation in reservations if reservation.is_reserved] == pytest.approx(
        [0, 0.25, 0.5, 0.75, 1], abs=1e-6
    )
    assert [reservation.wait for reservation in reservations if not reservation.is_reserved] == [
        1,
        2,
        2,
        2,
        2,
        2,
        3,
        3,
    ]


async def test_two_processes_share_one_limit(database: Database) -> None:
    webhook_id = await limited(database, 2)
    first, second = await asyncio.gather(
        RateLimiter(database).reserve(webhook_id), RateLimiter(database).reserve(webhook_id)
    )
    assert abs(first.wait - second.wait) > 0.25  # the wait counts from each one's own booking


async def test_a_crowd_that_would_wait_for_hours_comes_back_at_different_times(database: Database) -> None:
    now = (await database.subscriptions.database.command("hello"))["localTime"].timestamp()
    webhook_id = await limited(database, 1, next=now + 60, after=now + 2 * MAX_DEFERRAL)
    reservations = await asyncio.gather(*(RateLimiter(database).reserve(webhook_id) for _ in range(50)))
    waits = [reservation.wait for reservation in reservations]
    assert not any(reservation.is_reserved for reservation in reservations)
    assert max(waits) - min(waits) > MAX_DEFERRAL / 10


async def test_unused_time_is_not_made_up_for(database: Database) -> None:
    limiter, webhook_id = RateLimiter(database), await limited(database, 4, next=1.0, after=1.0)
    reservations = await asyncio.gather(*(limiter.reserve(webhook_id) for _ in range(3)))
    assert [reservation.wait for reservation in reservations] == pytest.approx([0, 0.25, 0.5], abs=1e-6)


async def test_without_a_limit_nobody_waits(database: Database) -> None:
    limiter, webhook_id = RateLimiter(database), await limited(database, None)
    reservations = await asyncio.gather(*(limiter.reserve(webhook_id) for _ in range(3)))
    assert all(reservation.is_reserved and reservation.wait < MAX_LOCAL_WAIT / 1000 for reservation in reservations)
