"""A program of ours that listens on ports of its own, and a start that ends when it answers.

It keeps its ports over `stop`, `kill` and `restart`. Subclasses say how the program is called and how one sees that
it answers, nothing else. A `Server` is one that keeps data.
"""

import asyncio
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final

from deploy.local.ports import free_port, is_free
from deploy.local.process import Process, StackError, wait_until
from deploy.local.run_directory import RunDirectory

_START_TIMEOUT: Final = 120.0  # seconds; RabbitMQ takes 6 on an idle machine and far more on a crowded one
_ATTEMPTS: Final = 5  # starts with ever new ports, if others take them between the choice and the listening


async def connects(port: int, *, send: bytes = b"", expect: bytes = b"") -> bool:
    """Whether the port accepts a connection and answers `send` with `expect`."""
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(send)
                return await reader.readexactly(len(expect)) == expect
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


class Program(ABC):
    """A process of our own; `port_names` are the ports it listens on."""

    port_names: Sequence[str]

    def __init__(self, directory: RunDirectory, name: str) -> None:
        self.name = name
        self._process = Process(directory, name)
        self._ports: dict[str, int] = {}

    def port(self, name: str) -> int:
        """The port of that name; StackError before the first start."""
        try:
            return self._ports[name]
        except KeyError:
            raise StackError(f"{self.name} has no ports before its first start") from None

    @property
    def running(self) -> bool:
        """Whether its process exists (a paused one does)."""
        return self._process.running

    def log_text(self) -> str:
        """What it has written to its standard output and error, over all its starts."""
        return self._process.log_text()

    @property
    def pid(self) -> int:
        """The id of the server process itself, not of a wrapper."""
        return self._process.pid

    async def start(self) -> None:
        """Start it and return when it answers; on the earlier ports if it ran before."""
        if self._ports:
            await self._start_once()
            return
        for _ in range(_ATTEMPTS):
            self._ports = {name: free_port() for name in self.port_names}
            try:
                await self._start_once()
            except StackError:
                if all(is_free(port) for port in self._ports.values()):
                    self._ports = {}
                    raise  # not a lost race for a port
            else:
                return
        self._ports = {}
        raise StackError(
            f"{self.name}: others took its ports {_ATTEMPTS} times; last log:\n{self._process.log_tail()}"
        )

    async def stop(self) -> None:
        """End it in order (SIGTERM)."""
        await self._process.stop()

    async def kill(self) -> None:
        """Kill it (SIGKILL), as a crash would."""
        await self._process.kill()

    async def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open, nobody answers."""
        await self._process.pause()

    async def resume(self) -> None:
        """Let a paused server go on."""
        await self._process.resume()

    async def restart(self) -> None:
        """Stop it in order and start it again."""
        await self.stop()
        await self.start()

    async def close(self) -> None:
        """Kill it for good, with everything that only it needs."""
        await self.kill()

    @abstractmethod
    async def ready(self) -> bool:
        """Whether this very server answers now and could do its work."""

    @abstractmethod
    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        """The program's arguments and its whole environment, for the ports it has now."""

    async def _start_once(self) -> None:
        argv, env = self._command()
        self._process.start(argv, env=env)
        started = time.monotonic()

        async def answers() -> bool:
            return not self.running or await self.ready()

        try:
            await wait_until(answers, within=_START_TIMEOUT, what=f"{self.name} answers", step=0.1)
        except BaseException as error:
            await self.kill()
            if isinstance(error, TimeoutError):
                raise StackError(f"{error}; last log:\n{self._process.log_tail()}") from error
            raise
        if not self.running:
            raise StackError(
                f"{self.name} ended {time.monotonic() - started:.1f} s after its start; "
                f"last log:\n{self._process.log_tail()}"
            )


async def start_together(programs: Sequence[Program]) -> None:
    """Start them concurrently and return when all answer; if one can't, raise its error and stop the other starts."""
    starts = [asyncio.create_task(program.start()) for program in programs]
    try:
        await asyncio.gather(*starts)
    finally:
        for start in starts:
            start.cancel()
        await asyncio.gather(*starts, return_exceptions=True)


class Server(Program):
    """A program that keeps data, in the folder `data`, over everything but `wipe`."""

    def __init__(self, directory: RunDirectory, name: str) -> None:
        super().__init__(directory, name)
        self.data = directory.path / name

    async def wipe(self) -> None:
        """Throw all its data away; it runs afterwards, on the same ports."""
        await self.kill()
        shutil.rmtree(self.data, ignore_errors=True)
        await self.start()

    async def _start_once(self) -> None:
        self.data.mkdir(exist_ok=True)
        await super()._start_once()
