"""One endpoint's lane: what it lets through, who waits, who is sent away, and how it learns."""

import asyncio

import pytest

from services.webhook.concurrency import FIRST_BOUND, MAX_BOUND, MAX_LINE, MAX_WAIT, Lane, Lanes


async def fill(lane: Lane, count: int) -> None:
    for _ in range(count):
        assert await lane.enter() is None


async def test_an_unknown_endpoint_gets_a_few_places_at_once() -> None:
    lane = Lane()
    await fill(lane, int(FIRST_BOUND))
    assert lane.in_flight == int(FIRST_BOUND)


async def test_who_finds_no_place_waits_in_line_until_one_is_left() -> None:
    lane = Lane()
    await fill(lane, int(FIRST_BOUND))
    waiting = asyncio.create_task(lane.enter())
    await asyncio.sleep(0)
    assert not waiting.done()
    lane.leave(duration=0.01, congested=False)
    assert await waiting is None
    assert lane.in_flight == int(FIRST_BOUND)


async def test_the_line_is_served_in_order() -> None:
    lane = Lane(bound=1.0)
    await fill(lane, 1)
    served: list[int] = []

    async def come(number: int) -> None:
        assert await lane.enter() is None
        served.append(number)

    visitors = [asyncio.create_task(come(number)) for number in range(3)]
    await asyncio.sleep(0)
    for _ in range(3):
        lane.leave(duration=0.01, congested=True)
        await asyncio.sleep(0)
    await asyncio.gather(*visitors)
    assert served == [0, 1, 2]


async def test_beyond_the_line_one_is_sent_away_for_longer_the_more_are_away() -> None:
    lane = Lane(duration=2.0)
    await fill(lane, int(FIRST_BOUND))
    in_line = [asyncio.create_task(lane.enter()) for _ in range(MAX_LINE)]
    await asyncio.sleep(0)
    waits = [await lane.enter() for _ in range(3)]
    assert all(wait is not None for wait in waits)
    assert waits == sorted(waits, key=lambda wait: wait or 0)
    assert len(set(waits)) == 3
    for task in in_line:
        task.cancel()
    await asyncio.gather(*in_line, return_exceptions=True)


async def test_a_wait_on_the_ladder_is_never_longer_than_an_hour() -> None:
    lane = Lane(bound=1.0, duration=10.0, away=1_000_000)
    lane.moved_at = -10.0  # stalled: nobody joins the line
    lane.in_flight = 1
    assert await lane.enter() == MAX_WAIT


async def test_an_endpoint_that_answers_nothing_for_a_second_gets_no_line() -> None:
    lane = Lane()
    await fill(lane, int(FIRST_BOUND))
    lane.moved_at -= 2.0
    assert await lane.enter() is not None
    assert not lane.line


async def test_as_long_as_nothing_is_answered_one_is_sent_away_for_as_long_as_that_has_lasted() -> None:
    lane = Lane(duration=0.1)
    await fill(lane, int(FIRST_BOUND))
    lane.moved_at -= 7.0
    wait = await lane.enter()
    assert wait == pytest.approx(7.0, abs=0.5)


async def test_the_bound_grows_only_while_it_is_what_holds_back() -> None:
    lane = Lane()
    await fill(lane, 1)
    lane.leave(duration=0.01, congested=False)
    assert lane.bound == FIRST_BOUND
    await fill(lane, int(FIRST_BOUND))
    lane.leave(duration=0.01, congested=False)
    assert lane.bound == FIRST_BOUND + 1


async def test_timeouts_halve_the_bound_down_to_one_place() -> None:
    lane = Lane(bound=8.0)
    for expected in (4.0, 2.0, 1.0, 1.0):
        await fill(lane, 1)
        lane.leave(duration=0.01, congested=True)
        assert lane.bound == expected


async def test_an_endpoint_that_takes_long_gets_few_places_and_a_quick_one_many() -> None:
    slow, quick = Lane(bound=MAX_BOUND), Lane(bound=MAX_BOUND)
    for _ in range(100):
        await fill(slow, 1)
        slow.leave(duration=10.0, congested=False)
        await fill(quick, 1)
        quick.leave(duration=0.05, congested=False)
    assert int(slow.bound) == 2
    assert quick.bound == MAX_BOUND


async def test_a_cancelled_visitor_leaves_no_place_taken() -> None:
    lane = Lane(bound=1.0)
    await fill(lane, 1)
    waiting = asyncio.create_task(lane.enter())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    lane.leave(duration=0.01, congested=True)
    assert lane.is_idle


async def test_a_visitor_cancelled_just_as_its_place_comes_passes_it_on() -> None:
    lane = Lane(bound=1.0)
    await fill(lane, 1)
    first, second = asyncio.create_task(lane.enter()), asyncio.create_task(lane.enter())
    await asyncio.sleep(0)
    lane.leave(duration=0.01, congested=True)  # the place is the first one's, which does not know it yet
    first.cancel()
    assert await second is None
    assert lane.in_flight == 1


async def test_each_endpoint_has_a_lane_of_its_own() -> None:
    lanes = Lanes()
    await fill(lanes.to("wh_dead"), int(FIRST_BOUND))
    assert await lanes.to("wh_healthy").enter() is None
    assert lanes.to("wh_dead") is lanes.to("wh_dead")


async def test_endpoints_count_as_congested_until_a_request_gets_an_answer() -> None:
    lanes = Lanes()
    for name in ("wh_dead", "wh_busy", "wh_healthy"):
        await fill(lanes.to(name), 1)
        lanes.to(name).leave(duration=0.01, congested=name != "wh_healthy")
    assert lanes.congested() == 2
    await fill(lanes.to("wh_busy"), 1)
    lanes.to("wh_busy").leave(duration=0.01, congested=False)
    assert lanes.congested() == 1
