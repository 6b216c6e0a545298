"""Listens, and serves an ASGI application within bounds inside the loop that runs already."""

import asyncio
import contextlib
import resource
from collections.abc import Sequence
from dataclasses import replace
from email.utils import formatdate
from typing import Any, Final

import structlog
from uvicorn import Config
from uvicorn.server import ServerState

from shared.process.http_server.connections import Connections
from shared.process.http_server.limits import HttpLimits
from shared.process.http_server.protocol import BoundedProtocol

_BACKLOG: Final = 2048
_TICK: Final = 0.5
"""Seconds between two looks at the connections."""
_OTHER_FILES: Final = 200
"""Files and connections that the process opens besides."""

log = structlog.get_logger(__name__)


class HttpServer:
    """One listening address."""

    def __init__(
        self, app: Any, *, host: str, port: int, limits: HttpLimits, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._host, self._port = host, port
        self._limits = replace(limits, connections=_affordable(limits.connections))
        self._connections = Connections(self._limits)
        self.server_state = ServerState()
        self._config = Config(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing here asks who called, so no forwarded header need be believed
            headers=list(headers),
        )
        self._config.load()
        self._listening: asyncio.Server | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address can't be had.
        """
        self._set_date()
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(self._connection, self._host, self._port, backlog=_BACKLOG)
        self._ticking = asyncio.create_task(self._tick())

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens: a port of 0 was the system's to choose."""
        return [each.getsockname()[:2] for each in self._listening.sockets] if self._listening else []

    async def stop(self, *, within: float) -> None:
        """Listen no more, answer the requests under way for up to `within` seconds, and end every connection."""
        if self._listening is None or self._ticking is None:
            return
        self._listening.close()
        self._connections.closing = True  # some may be accepted, but not made yet
        for connection in self._connections:
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._connections.all_left()
                await asyncio.gather(*self.server_state.tasks, return_exceptions=True)  # their clients went away
        self._ticking.cancel()
        for task in self.server_state.tasks:
            task.cancel()
        for connection in self._connections:
            connection.abort()

    def _connection(self) -> BoundedProtocol:
        return BoundedProtocol(self._config, self.server_state, self._connections, self._limits)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_TICK)
            self._set_date()
            now = loop.time()
            for connection in self._connections:
                connection.check(now)

    def _set_date(self) -> None:
        date = (b"date", formatdate(usegmt=True).encode())
        self.server_state.default_headers = [date, *self._config.encoded_headers]


def _affordable(connections: int) -> int:
    """Return how many connections the system lets this process have, up to `connections`; ask it for more if need be.

    Without files left, the process could reach neither broker nor database.
    """
    wanted = connections + _OTHER_FILES
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
        if allowed < wanted:
            log.warning("http.few_files", allowed=allowed, wanted=wanted)
            return max(allowed - _OTHER_FILES, 10)
    return connections
