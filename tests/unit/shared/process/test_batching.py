"""A batcher gives everybody their own result from one flush, and nobody another's failure or silence."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.process.batching import BUSY, Batcher

LONG = 3600.0


class Doubling:
    """A flush that doubles, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def __call__(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        await asyncio.sleep(0)
        return [2 * item for item in items]


async def test_callers_at_the_same_moment_share_a_flush_and_get_their_own_results() -> None:
    flush = Doubling()
    batcher = Batcher(flush, window=0.001, max_items=1000)
    assert await asyncio.gather(*(batcher.submit(n) for n in range(100))) == [2 * n for n in range(100)]
    assert flush.batches == [list(range(100))]


async def test_a_full_batch_does_not_wait_for_its_window() -> None:
    flush = Doubling()
    batcher = Batcher(flush, window=LONG, max_items=3)
    async with asyncio.timeout(10):
        assert await asyncio.gather(*(batcher.submit(n) for n in range(6))) == [0, 2, 4, 6, 8, 10]
    assert flush.batches == [[0, 1, 2], [3, 4, 5]]


async def test_a_lone_caller_waits_for_the_window_only() -> None:
    batcher = Batcher(Doubling(), window=0.001, max_items=1000)
    async with asyncio.timeout(10):
        assert await batcher.submit(21) == 42
        assert await batcher.submit(4) == 8


class Blocking:
    """A flush that takes, for a batch with a 1, until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.blocked, self.release = asyncio.Semaphore(0), asyncio.Event()

    async def __call__(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        if 1 in items:
            self.blocked.release()
            await self.release.wait()
        return items


async def test_a_few_that_come_during_a_flush_share_the_next_one() -> None:
    flush = Blocking()
    batcher = Batcher(flush, window=0.0, max_items=1000, patience=LONG)
    first = asyncio.create_task(batcher.submit(1))
    await flush.blocked.acquire()
    few = [asyncio.create_task(batcher.submit(n)) for n in range(2, BUSY)]
    assert not (await asyncio.wait(few, timeout=0.05))[0]
    flush.release.set()
    assert await asyncio.gather(first, *few) == list(range(1, BUSY))
    assert flush.batches == [[1], list(range(2, BUSY))]


@pytest.mark.parametrize("settings", [{}, {"patience": LONG}], ids=["one, after a while", "many, at once"])
async def test_a_slow_flush_does_not_hold_up_the_next_one(settings: dict[str, float]) -> None:
    flush = Blocking()
    batcher = Batcher(flush, window=0.0, max_items=1000, **settings)
    first = asyncio.create_task(batcher.submit(1))
    await flush.blocked.acquire()
    others = range(2, 2 + (BUSY if settings else 1))
    async with asyncio.timeout(10):
        assert await asyncio.gather(*(batcher.submit(n) for n in others)) == [*others]
    flush.release.set()
    assert await first == 1


async def test_the_full_batches_are_two_at_a_time() -> None:
    flush = Blocking()
    batcher = Batcher(flush, window=LONG, max_items=1)
    first, second = (asyncio.create_task(batcher.submit(1)) for _ in range(2))
    async with asyncio.timeout(10):
        await flush.blocked.acquire()
        await flush.blocked.acquire()
    third = asyncio.create_task(batcher.submit(3))
    assert not (await asyncio.wait([third], timeout=0.05))[0]
    flush.release.set()
    assert [await first, await second, await third] == [1, 1, 3]


async def test_a_failed_flush_fails_its_own_callers_and_no_others() -> None:
    async def flush(items: Sequence[int]) -> Sequence[int]:
        if 0 in items:
            raise LookupError("zero")
        return items

    batcher = Batcher(flush, window=LONG, max_items=2)
    results = await asyncio.gather(*(batcher.submit(n) for n in (0, 1, 2, 3)), return_exceptions=True)
    assert [type(result) for result in results] == [LookupError, LookupError, int, int]


async def test_a_caller_that_gives_up_takes_no_result_from_the_others() -> None:
    flush = Doubling()
    batcher = Batcher(flush, window=LONG, max_items=3)
    submitted = [asyncio.create_task(batcher.submit(n)) for n in (1, 2)]
    await asyncio.sleep(0)
    submitted[0].cancel()
    async with asyncio.timeout(10):
        assert await batcher.submit(3) == 6
        assert await submitted[1] == 4
    with pytest.raises(asyncio.CancelledError):
        await submitted[0]


async def test_a_flush_that_loses_a_result_fails_loudly_instead_of_leaving_callers_waiting() -> None:
    async def flush(items: Sequence[int]) -> Sequence[int]:
        return items[:-1]

    batcher = Batcher(flush, window=LONG, max_items=2)
    async with asyncio.timeout(10):
        results = await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True)
    assert any(isinstance(result, ValueError) for result in results)


async def test_under_load_a_batch_gathers_for_the_longer_window_and_then_no_more() -> None:
    flush = Doubling()
    batcher = Batcher(flush, window=0.001, busy_window=LONG, max_items=1000)
    await asyncio.gather(*(batcher.submit(n) for n in range(BUSY)))
    waiting = asyncio.create_task(batcher.submit(100))
    assert not (await asyncio.wait([waiting], timeout=0.05))[0]
    waiting.cancel()

    batcher = Batcher(flush, window=0.001, busy_window=LONG, max_items=1000)
    await asyncio.gather(*(batcher.submit(n) for n in range(BUSY - 1)))
    async with asyncio.timeout(10):
        assert await batcher.submit(100) == 200
