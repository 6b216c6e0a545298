"""The scenarios, in the order in which they run."""

from collections.abc import Awaitable, Callable

from benchmarks.bench import Bench
from benchmarks.figures import Measured
from benchmarks.scenarios import (
    end_to_end,
    fairness,
    growth,
    latency,
    mail,
    memory,
    peers,
    scaling,
    stages,
    telemetry,
)

Scenario = Callable[[Bench], Awaitable[Measured]]

SCENARIOS: tuple[tuple[str, Scenario], ...] = (
    ("stages", stages.measure),
    ("end_to_end", end_to_end.measure),
    ("latency", latency.measure),
    ("scaling", scaling.measure),
    ("peers", peers.measure),
    ("fairness", fairness.measure),
    ("growth", growth.measure),
    ("memory", memory.measure),
    ("mail", mail.measure),
    ("telemetry", telemetry.measure),
)
"""Name and function; the name is what `--only` takes."""
