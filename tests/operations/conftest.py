"""What the operator's tools are tried on: a system of their own, because dead letters have no tenant in a queue."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from deploy.local.stack import Stack
from tests.support.system import System, running_system


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


class Worker:
    """The `worker` command line, run as a process with the settings of a system."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    async def start(self, *arguments: str, **settings: str) -> asyncio.subprocess.Process:
        """Start a command."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.worker", *arguments),
            env=self.environment | {"PYTHONPATH": ".", "PATH": "", "COLUMNS": "200"} | settings,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(self, *arguments: str, **settings: str) -> Ended:
        """Run a command to its end."""
        process = await self.start(*arguments, **settings)
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        return Ended(code=process.returncode or 0, out=out.decode(), err=err.decode())


@pytest.fixture(scope="package")
async def operated(stack: Stack) -> AsyncIterator[System]:
    """All services, and dead letters that only these tests make."""
    async with running_system(stack) as running:
        yield running


@pytest.fixture
def worker(operated: System) -> Worker:
    """The command line beside that system."""
    return Worker(operated.environment)
