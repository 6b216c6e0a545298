"""Runs `worker …` as processes that were forked from one with everything imported: starting Python anew takes longer
than most commands do.
"""

import asyncio
import multiprocessing
import os
import sys
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["__main__", "services.cli.__main__", __name__])


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that has ended."""

    code: int
    """Negative: the signal that ended it."""
    out: str
    err: str


class Running:
    """A command that runs."""

    def __init__(self, process: ForkServerProcess, out: Path, err: Path) -> None:
        self._process, self._out, self._err = process, out, err

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    async def end(self) -> Ended:
        """Wait until it has ended."""
        await asyncio.to_thread(self._process.join, 120)
        assert self._process.exitcode is not None, "it hangs"
        return Ended(code=self._process.exitcode, out=self._out.read_text(), err=self._err.read_text())


class Worker:
    """The `worker` command line with the settings of a system."""

    def __init__(self, environment: dict[str, str], directory: Path) -> None:
        self._environment, self._directory = environment, directory
        self._started = 0

    def start(self, *arguments: str, **settings: str) -> Running:
        """Start a command."""
        self._started += 1
        out, err = (self._directory / f"{self._started}.{name}" for name in ("out", "err"))
        environment = self._environment | {"COLUMNS": "200"} | settings
        process = _context.Process(target=_run, args=(arguments, environment, out, err))
        process.start()
        return Running(process, out, err)

    async def __call__(self, *arguments: str, **settings: str) -> Ended:
        """Run a command to its end."""
        return await self.start(*arguments, **settings).end()


def _run(arguments: tuple[str, ...], environment: dict[str, str], out: Path, err: Path) -> None:
    from services.cli.__main__ import main

    for stream, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["worker", *arguments]
    main()
