"""A standstill of our own is noticed, even before the first tick after it; a busy but running loop is none."""

import asyncio
import time

from services.webhook.stall import NOTICEABLE, TICK, StallWatch


async def test_a_running_loop_never_stood_still() -> None:
    watch = StallWatch()
    await asyncio.sleep(TICK * 2)
    assert watch.seconds() == 0
    watch.stop()


async def test_a_blocked_loop_is_noticed_at_once_and_remembered() -> None:
    watch = StallWatch()
    await asyncio.sleep(0)
    time.sleep(TICK + NOTICEABLE + 0.3)  # noqa: ASYNC251 - standing still is what this is about
    at_once = watch.seconds()
    assert at_once > NOTICEABLE
    await asyncio.sleep(TICK * 2)
    assert watch.seconds() >= at_once
    watch.stop()
