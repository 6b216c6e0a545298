"""One child process that belongs to this one: start, stop, kill, pause, resume.

A child dies with its parent, even if that is killed with SIGKILL (`setpriv --pdeathsig`), and carries a mark in its
environment by which the next run finds it should it survive anyway (`run_directory.py`). It never deals with
a process that it did not start.
"""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence

from deploy.local.run_directory import RunDirectory, process_state

_STEP = 0.02  # seconds between two looks


class StackError(RuntimeError):
    """A part of the local stack does not do what it should; the message tells a person what and where to look."""


async def wait_until(
    condition: Callable[[], Awaitable[bool]], *, within: float, what: str, step: float = _STEP
) -> None:
    """Return as soon as `condition` holds; TimeoutError, naming `what`, if it fails after `within` seconds."""
    try:
        async with asyncio.timeout(within):
            while not await condition():  # noqa: ASYNC110 - what is waited for happens in other processes
                await asyncio.sleep(step)
    except TimeoutError as error:
        raise TimeoutError(f"{what}: not within {within:g} s") from error


class Process:
    """A named child process whose output goes to `<name>.log` in the run directory."""

    def __init__(self, directory: RunDirectory, name: str) -> None:
        self.name = name
        self.log = directory.path / f"{name}.log"
        self._directory = directory
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended (a paused process runs)."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running child; StackError where there is none."""
        if self._child is None or not self.running:
            raise StackError(f"{self.name} is not running")
        return self._child.pid

    def start(self, argv: Sequence[str], *, env: Mapping[str, str]) -> None:
        """Start it. Call this from a thread that lives as long as the child should: its end is the child's too.

        The child gets a session of its own, so that Ctrl-C in a terminal reaches only us, who then stop it in order.
        """
        if self.running:
            raise StackError(f"{self.name} is running already")
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *argv],
                env={**env, **self._directory.mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def stop(self, *, grace: float = 30.0) -> None:
        """End it with SIGTERM, and with SIGKILL if it still runs after `grace` seconds."""
        if not self.running:
            return
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # a paused process takes SIGTERM only once it runs again
        try:
            await wait_until(self._ended, within=grace, what=f"{self.name} stops")
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it with SIGKILL and wait until it is gone, and its ports with it."""
        self._signal(signal.SIGKILL)
        await self.wait()

    async def pause(self) -> None:
        """Stop it in its tracks (SIGSTOP): its sockets stay open and nobody answers."""
        pid = self.pid
        self._signal(signal.SIGSTOP)

        async def stopped() -> bool:
            return process_state(pid) == "T"

        await wait_until(stopped, within=10, what=f"{self.name} pauses")

    async def resume(self) -> None:
        """Let a paused process go on."""
        self._signal(signal.SIGCONT)

    async def wait(self) -> int | None:
        """Wait for its end; the exit status, or minus the signal that ended it; None if it was never started."""
        while self.running:  # noqa: ASYNC110 - the kernel's event would be bound to one event loop
            await asyncio.sleep(_STEP)
        return None if self._child is None else self._child.returncode

    def log_text(self) -> str:
        """Everything it has written to its standard output and error, over all its starts."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of its log, to go into an error message."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    async def _ended(self) -> bool:
        return not self.running

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(number)
