"""What metrics cost while nobody asks for traces: the stages with telemetry as it is, and with it compiled out.

More repeats than elsewhere, for a few per cent are what is looked for.
"""

import sys
from collections import defaultdict

from benchmarks.bench import Bench
from benchmarks.figures import Measured, figure
from benchmarks.scenarios.stages import UNIT, drain
from deploy.local.services import WORKER

NAME = "telemetry"
WITHOUT = (sys.executable, "-m", "benchmarks.without_telemetry")
GOAL = "ratio >= 0.97"


async def measure(bench: Bench) -> Measured:
    """Take turns between the two programs, and between which of them goes first."""
    values: dict[tuple[str, tuple[str, ...]], list[float]] = defaultdict(list)
    for repeat in range(bench.size(full=3, quick=1)):
        for program in (WORKER, WITHOUT)[:: -1 if repeat % 2 else 1]:
            for stage, window in (await drain(bench, program)).items():
                values[stage, program].append(window.per_cpu_second(stage))
    return Measured(
        [
            figure(
                NAME,
                f"{stage}, beside it without telemetry",
                values[stage, WORKER],
                UNIT,
                references=values[stage, WITHOUT],
                goal=GOAL,
            )
            for stage in ("webhook", "dispatcher")
        ]
    )
