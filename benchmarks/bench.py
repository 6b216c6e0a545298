"""What a scenario gets: the running servers, a receiver that is not the bottleneck, sizes, and new systems.

A scenario is a module of `benchmarks/scenarios` with `async def measure(bench: Bench) -> Measured`. Where it
compares, reference and subject take turns within the same repeat, for no machine is the same from minute to minute.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.nginx import Nginx
from benchmarks.system import System, new_system
from deploy.local.process import Process, StackError
from deploy.local.services import WORKER
from deploy.local.stack import Stack

REPOSITORY = Path(__file__).resolve().parents[1]
Size = TypeVar("Size", int, float)
_numbers = count(1)


@dataclass(frozen=True)
class Bench:
    """The servers of one run, and how large it is."""

    stack: Stack
    nginx: Nginx
    quick: bool
    soak: bool = False
    """Whether to watch the memory for ten minutes."""

    @property
    def repeats(self) -> int:
        """How often reference and subject take turns; odd, so that a median is one of them."""
        return self.size(full=3, quick=1)

    def size(self, *, full: Size, quick: Size) -> Size:
        """Return the number for the size of this run."""
        return quick if self.quick else full

    def system(self, *, program: Sequence[str] = WORKER, **settings: str) -> AbstractAsyncContextManager[System]:
        """A new Signalpost on the running servers.

        Args:
            program: what runs its services.
            settings: environment variables of its services.
        """
        return new_system(self.stack, settings, program)

    @asynccontextmanager
    async def process(
        self, name: str, argv: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> AsyncIterator[Process]:
        """Run a program of a scenario's own (say a Celery worker) for as long as the block; its log is a file."""
        process = Process(self.stack.directory, f"{name}-{next(_numbers)}")
        process.start(argv, env=_environment(environment))
        try:
            yield process
        finally:
            await process.stop()

    def python(
        self, name: str, module: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Process]:
        """Run a Python module of the repository likewise."""
        return self.process(name, [sys.executable, "-m", module, *arguments], environment)

    async def result(
        self, name: str, module: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> Any:
        """Run a Python module to its end, in a process of its own, and return the JSON of its last line.

        StackError with the end of its log if it fails.
        """
        async with self.python(name, module, *arguments, environment=environment) as process:
            return await ended(process)


async def ended(process: Process, *, within: float = 300.0) -> Any:
    """Wait for the end of a process and return the JSON of its last line; StackError if it fails."""
    status = await asyncio.wait_for(process.wait(), timeout=within)
    if status != 0:
        raise StackError(f"{process.name} ended with {status}:\n{process.log_tail()}")
    return json.loads(process.log_text().splitlines()[-1])


def _environment(given: Mapping[str, str] | None) -> dict[str, str]:
    basics = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}
    return {**basics, **(given or {})}
