"""The scenarios, in the order in which they run."""

from collections.abc import Awaitable, Callable

from benchmarks.bench import Bench
from benchmarks.figures import Measured
from benchmarks.scenarios import end_to_end, latency, scaling, stages, telemetry

Scenario = Callable[[Bench], Awaitable[Measured]]

SCENARIOS: tuple[tuple[str, Scenario], ...] = (
    ("stages", stages.measure),
    ("end_to_end", end_to_end.measure),
    ("latency", latency.measure),
    ("scaling", scaling.measure),
    ("telemetry", telemetry.measure),
)
"""Name and function; the name is what `--only` takes."""
