"""CPU seconds and memory of processes over a window of operations, taken from outside with psutil.

A window begins when the first operations are through and ends at the last, so that no start-up is in it. Looking is
cheap on purpose: one cheap count every few hundredths of a second, and CPU times only at the two ends.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil

LOOK_EVERY = 0.025
"""Seconds between two looks at the count."""


@dataclass(frozen=True)
class Sample:
    """What is known about some processes at one moment."""

    at: float
    """Seconds, by the monotonic clock."""
    cpu: Mapping[str, float]
    """CPU seconds used so far, user and system, by name."""
    rss: Mapping[str, int]
    """Bytes of memory, by name."""


class Meter:
    """Looks at processes by name; a name may stand for several, and each counts with its children."""

    def __init__(self, processes: Mapping[str, int | Sequence[int]]) -> None:
        self._processes = {
            name: [psutil.Process(pid) for pid in ([pids] if isinstance(pids, int) else pids)]
            for name, pids in processes.items()
        }

    def sample(self) -> Sample:
        """Look now."""
        at = time.monotonic()
        cpu, rss = {}, {}
        for name, processes in self._processes.items():
            family = [member for process in processes for member in (process, *process.children(recursive=True))]
            times = [member.cpu_times() for member in family]
            cpu[name] = sum(t.user + t.system for t in times)
            rss[name] = max(process.memory_info().rss for process in processes)
        return Sample(at, cpu, rss)


@dataclass(frozen=True)
class Window:
    """Operations between two samples."""

    operations: int
    first: Sample
    last: Sample

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.last.at - self.first.at

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.operations / self.seconds

    def cpu_seconds(self, name: str) -> float:
        """CPU seconds of one of the processes."""
        return self.last.cpu[name] - self.first.cpu[name]

    def per_cpu_second(self, name: str) -> float:
        """Operations for each CPU second of one of the processes."""
        return self.operations / max(self.cpu_seconds(name), 0.001)

    def cpu_micros(self) -> dict[str, float]:
        """Microseconds of CPU for each operation, by process."""
        return {name: 1e6 * self.cpu_seconds(name) / self.operations for name in self.last.cpu}


async def watch(
    meter: Meter, count: Callable[[], Awaitable[int]], *, first: int, last: int, within: float = 300.0
) -> Window:
    """Return the window from the moment `count` has reached `first` until it has reached `last`.

    TimeoutError if that takes longer than `within` seconds: a scenario must end.
    """
    async with asyncio.timeout(within):
        begun = await _reach(count, first)
        start = meter.sample()
        ended = await _reach(count, last)
        return Window(operations=ended - begun, first=start, last=meter.sample())


async def _reach(count: Callable[[], Awaitable[int]], target: int) -> int:
    while (now := await count()) < target:  # noqa: ASYNC110 - what is counted happens in other processes
        await asyncio.sleep(LOOK_EVERY)
    return now
