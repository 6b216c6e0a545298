"""What metrics cost while nobody asks for traces: the stages with telemetry as it is, and with it compiled out.

A few per cent are what is looked for, and from one minute to the next this takes the machine more than that. So both
programs run at the same moment, each on a full queue of its own.
"""

import asyncio
import sys
from collections import defaultdict

from benchmarks.bench import Bench
from benchmarks.figures import Measured, figure
from benchmarks.meter import Window
from benchmarks.scenarios.stages import UNIT, drain_events, drain_tasks, fill
from benchmarks.system import System
from shared.model.topology import WEBHOOK, to_send_queue

NAME = "telemetry"
WITHOUT = (sys.executable, "-m", "benchmarks.without_telemetry")
GOAL = "ratio >= 0.97"


async def measure(bench: Bench) -> Measured:
    """Run the pair several times over."""
    with_it: dict[str, list[float]] = defaultdict(list)
    without: dict[str, list[float]] = defaultdict(list)
    total = bench.size(full=10_000, quick=3_000)
    for _ in range(bench.size(full=5, quick=1)):
        async with bench.system() as system, bench.system(program=WITHOUT) as other:
            for each in (system, other):
                await fill(bench, each, total)
            for stage, drain in (("dispatcher", drain_events), ("webhook", _drain_tasks)):
                windows = await asyncio.gather(drain(system, total), drain(other, total))
                for values, window in zip((with_it, without), windows, strict=True):
                    values[stage].append(window.per_cpu_second(stage))
    return Measured(
        [
            figure(
                NAME,
                f"{stage}, beside it without telemetry",
                with_it[stage],
                UNIT,
                references=without[stage],
                goal=GOAL,
            )
            for stage in ("webhook", "dispatcher")
        ]
    )


async def _drain_tasks(system: System, total: int) -> Window:
    async def taken() -> int:  # the receiver can't count, for it has the requests of both
        return total - await system.waiting(to_send_queue(WEBHOOK))

    return await drain_tasks(system, total, taken)
