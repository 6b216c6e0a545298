"""Signalpost's own processes beside the local stack: each one can be stopped, killed, paused and restarted.

    async with Services(stack.directory, stack.environment()) as services:
        [api] = await services.start("api")
        await services.start("webhook", count=2)
        await services["webhook-2"].kill()

A service sees the given environment and nothing of ours, so that a developer's shell can't change what a test means.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import aiohttp

from deploy.local.process import StackError
from deploy.local.program import Program, start_together
from deploy.local.run_directory import RunDirectory

_REPOSITORY = Path(__file__).resolve().parents[2]
WORKER = (sys.executable, "-m", "services.cli")
_SERVE_HTTP = {"api", "all"}  # the commands that have API_PORT, and answer there


class Service(Program):
    """One instance of one service; `url` is where it answers, without a slash at the end."""

    def __init__(
        self,
        directory: RunDirectory,
        name: str,
        command: str,
        *,
        program: Sequence[str],
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(directory, name)
        self.port_names = ("health", "api") if command in _SERVE_HTTP else ("health",)
        self._argv = [*program, command]
        self._given = environment

    @property
    def url(self) -> str:
        """The API's address, or that of the health endpoint of a service that has no API."""
        return f"http://127.0.0.1:{self.port(self.port_names[-1])}"

    async def ready(self) -> bool:
        """Whether `/health/ready` says so."""
        timeout = aiohttp.ClientTimeout(total=5)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{self.url}/health/ready") as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        basics = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(_REPOSITORY),
            "PYTHONUNBUFFERED": "1",
        }
        ports = {f"{name.upper()}_PORT": str(self.port(name)) for name in self.port_names}
        loopback = {"API_HOST": "127.0.0.1", "HEALTH_HOST": "127.0.0.1"}
        return self._argv, {**basics, **loopback, **self._given, **ports}


class Services:
    """The services of one system, by instance name; all of them end with the block."""

    def __init__(
        self, directory: RunDirectory, environment: Mapping[str, str], *, program: Sequence[str] = WORKER
    ) -> None:
        self._directory = directory
        self._environment = environment
        self._program = program
        self._instances: dict[str, Service] = {}

    def __getitem__(self, name: str) -> Service:
        try:
            return self._instances[name]
        except KeyError:
            raise StackError(f"no service {name}; there are: {', '.join(self._instances) or 'none'}") from None

    def running(self) -> list[Service]:
        """The instances whose process exists."""
        return [service for service in self._instances.values() if service.running]

    async def start(
        self, command: str, *, count: int = 1, environment: Mapping[str, str] | None = None
    ) -> list[Service]:
        """Start `count` more instances of `worker <command>` and return when all are ready.

        `environment` adds to that of the system, for these instances. A StackError holds the end of the log of one
        that did not become ready.
        """
        started = [self._add(command, {**self._environment, **(environment or {})}) for _ in range(count)]
        await start_together(started)
        return started

    async def __aenter__(self) -> "Services":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop all of them in order."""
        await asyncio.gather(*(service.stop() for service in self._instances.values()))

    def _add(self, command: str, environment: Mapping[str, str]) -> Service:
        number = sum(name.partition("-")[0] == command for name in self._instances) + 1
        name = command if number == 1 else f"{command}-{number}"
        service = Service(self._directory, name, command, program=self._program, environment=environment)
        self._instances[name] = service
        return service
