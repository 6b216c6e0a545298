"""The scenarios, in the order in which they run."""

from collections.abc import Awaitable, Callable

from benchmarks.bench import Bench
from benchmarks.figures import Measured
from benchmarks.scenarios import stages

Scenario = Callable[[Bench], Awaitable[Measured]]

SCENARIOS: tuple[tuple[str, Scenario], ...] = (("stages", stages.measure),)
"""Name and function; the name is what `--only` takes."""
