"""One endpoint's limit: what it lets through, who waits, who is deferred, and how it learns."""

import asyncio

import pytest

from services.webhook.concurrency import (
    INITIAL_LIMIT,
    MAX_LIMIT,
    MAX_QUEUE,
    MAX_WAIT,
    ConcurrencyLimit,
    EndpointLimits,
)


async def fill(limit: ConcurrencyLimit, count: int) -> None:
    for _ in range(count):
        assert await limit.acquire() is None


async def test_an_unknown_endpoint_gets_a_few_places_at_once() -> None:
    limit = ConcurrencyLimit()
    await fill(limit, int(INITIAL_LIMIT))
    assert limit.in_flight == int(INITIAL_LIMIT)


async def test_who_finds_no_place_waits_in_line_until_one_is_left() -> None:
    limit = ConcurrencyLimit()
    await fill(limit, int(INITIAL_LIMIT))
    waiting = asyncio.create_task(limit.acquire())
    await asyncio.sleep(0)
    assert not waiting.done()
    limit.release(duration=0.01, congested=False)
    assert await waiting is None
    assert limit.in_flight == int(INITIAL_LIMIT)


async def test_the_line_is_served_in_order() -> None:
    limit = ConcurrencyLimit(value=1.0)
    await fill(limit, 1)
    served: list[int] = []

    async def come(number: int) -> None:
        assert await limit.acquire() is None
        served.append(number)

    visitors = [asyncio.create_task(come(number)) for number in range(3)]
    await asyncio.sleep(0)
    for _ in range(3):
        limit.release(duration=0.01, congested=True)
        await asyncio.sleep(0)
    await asyncio.gather(*visitors)
    assert served == [0, 1, 2]


async def test_beyond_the_line_one_is_sent_away_for_longer_the_more_are_away() -> None:
    limit = ConcurrencyLimit(duration=2.0)
    await fill(limit, int(INITIAL_LIMIT))
    queued = [asyncio.create_task(limit.acquire()) for _ in range(MAX_QUEUE)]
    await asyncio.sleep(0)
    waits = [await limit.acquire() for _ in range(3)]
    assert all(wait is not None for wait in waits)
    assert waits == sorted(waits, key=lambda wait: wait or 0)
    assert len(set(waits)) == 3
    for task in queued:
        task.cancel()
    await asyncio.gather(*queued, return_exceptions=True)


async def test_a_deferral_is_never_longer_than_an_hour() -> None:
    limit = ConcurrencyLimit(value=1.0, duration=10.0, deferred=1_000_000)
    limit.progressed_at = -10.0  # stalled: nobody joins the queue
    limit.in_flight = 1
    assert await limit.acquire() == MAX_WAIT


async def test_an_endpoint_that_answers_nothing_for_a_second_gets_no_line() -> None:
    limit = ConcurrencyLimit()
    await fill(limit, int(INITIAL_LIMIT))
    limit.progressed_at -= 2.0
    assert await limit.acquire() is not None
    assert not limit.queue


async def test_as_long_as_nothing_is_answered_one_is_sent_away_for_as_long_as_that_has_lasted() -> None:
    limit = ConcurrencyLimit(duration=0.1)
    await fill(limit, int(INITIAL_LIMIT))
    limit.progressed_at -= 7.0
    wait = await limit.acquire()
    assert wait == pytest.approx(7.0, abs=0.5)


async def test_the_bound_grows_only_while_it_is_what_holds_back() -> None:
    limit = ConcurrencyLimit()
    await fill(limit, 1)
    limit.release(duration=0.01, congested=False)
    assert limit.value == INITIAL_LIMIT
    await fill(limit, int(INITIAL_LIMIT))
    limit.release(duration=0.01, congested=False)
    assert limit.value == INITIAL_LIMIT + 1


async def test_timeouts_halve_the_bound_down_to_one_place() -> None:
    limit = ConcurrencyLimit(value=8.0)
    for expected in (4.0, 2.0, 1.0, 1.0):
        await fill(limit, 1)
        limit.release(duration=0.01, congested=True)
        assert limit.value == expected


async def test_an_endpoint_that_takes_long_gets_few_places_and_a_quick_one_many() -> None:
    slow, quick = ConcurrencyLimit(value=MAX_LIMIT), ConcurrencyLimit(value=MAX_LIMIT)
    for _ in range(100):
        await fill(slow, 1)
        slow.release(duration=10.0, congested=False)
        await fill(quick, 1)
        quick.release(duration=0.05, congested=False)
    assert int(slow.value) == 2
    assert quick.value == MAX_LIMIT


async def test_a_cancelled_visitor_leaves_no_place_taken() -> None:
    limit = ConcurrencyLimit(value=1.0)
    await fill(limit, 1)
    waiting = asyncio.create_task(limit.acquire())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    limit.release(duration=0.01, congested=True)
    assert limit.is_idle


async def test_a_visitor_cancelled_just_as_its_place_comes_passes_it_on() -> None:
    limit = ConcurrencyLimit(value=1.0)
    await fill(limit, 1)
    first, second = asyncio.create_task(limit.acquire()), asyncio.create_task(limit.acquire())
    await asyncio.sleep(0)
    limit.release(duration=0.01, congested=True)  # the place is the first one's, which does not know it yet
    first.cancel()
    assert await second is None
    assert limit.in_flight == 1


async def test_each_endpoint_has_a_lane_of_its_own() -> None:
    limits = EndpointLimits()
    await fill(limits.of("wh_dead"), int(INITIAL_LIMIT))
    assert await limits.of("wh_healthy").acquire() is None
    assert limits.of("wh_dead") is limits.of("wh_dead")


async def test_endpoints_count_as_congested_until_a_request_gets_an_answer() -> None:
    limits = EndpointLimits()
    for name in ("wh_dead", "wh_busy", "wh_healthy"):
        await fill(limits.of(name), 1)
        limits.of(name).release(duration=0.01, congested=name != "wh_healthy")
    assert limits.congested() == 2
    await fill(limits.of("wh_busy"), 1)
    limits.of("wh_busy").release(duration=0.01, congested=False)
    assert limits.congested() == 1
