"""One chaos run: load and faults at the same time, then quiet, then the reckoning."""

import asyncio
import time
from collections.abc import Callable, Sequence

from tests.chaos.faults import FAULTS, Kinds
from tests.chaos.verify import Report, unsettled, verify, waiting
from tests.chaos.world import World
from tests.support.waiting import eventually

QUIET_WITHIN = 180.0
"""Seconds after the last fault in which everything must have come to an end."""
QUEUES_EMPTY_WITHIN = 420.0
"""Seconds for copies that nothing waits for. RabbitMQ's dead-letter worker repeats what a lost leader did not
confirm after three minutes (`dead_letter_worker_publisher_confirm_timeout`), and a copy may take several queues."""


async def run(
    world: World,
    *,
    seed: int,
    events: int,
    rate: float,
    faults: Sequence[str],
    kinds: Kinds = FAULTS,
    tell: Callable[[str], None] = lambda line: None,
) -> Report:
    """Publish events at a rate while faults happen; wait for quiet and report.

    Args:
        world: where it happens.
        seed: what the world was made with, for the report.
        events: how many to publish.
        rate: events per second.
        faults: the names of those that happen, in this order.
        kinds: which faults there are.
        tell: is told each fault as it happens.
    """
    load = asyncio.create_task(world.publish_at(rate, events))
    times: list[tuple[str, float, float]] = []
    for number, name in enumerate(faults, start=1):
        began = time.time()
        await kinds[name][0](world)
        times.append((name, began, time.time()))
        tell(f"{number}/{len(faults)} {name} ({time.time() - began:.1f} s), {len(world.ledger.events)} events so far")
        await asyncio.sleep(world.random.uniform(0.5, 3))
    await load
    tell("load and faults are over; waiting for quiet")
    await _until_quiet(world)
    report = await verify(world, times)
    report.seed = seed
    return report


async def _until_quiet(world: World) -> None:
    try:
        await eventually(lambda: unsettled(world), until=lambda left: not left, within=QUIET_WITHIN)
        await eventually(lambda: waiting(world), until=lambda queues: not queues, within=QUEUES_EMPTY_WITHIN)
    except AssertionError:
        return  # the reckoning says what is not quiet
