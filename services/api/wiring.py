"""Puts the HTTP API together, and serves it inside the loop that runs already."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn

from services.api.app import create_app
from services.api.http.context import ApiContext
from services.api.settings import ApiSettings

DRAIN_SECONDS = 20
"""How long requests that are being answered may take when the service stops."""

log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """A server that leaves the signals to the runtime, which drains every service of the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where: API_PORT may have left the port to the system."""
        await super().startup(sockets)
        log.info("api.listening", address=[each.getsockname()[:2] for each in self.servers[0].sockets])


class Api:
    """The HTTP API as a service of the runtime."""

    name = "api"

    def __init__(self, settings: ApiSettings) -> None:
        self._retention_days = settings.retention_days
        self._context = ApiContext.from_settings(settings)
        self._server = _Server(
            uvicorn.Config(
                create_app(self._context),
                host=settings.api_host,
                port=settings.api_port,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )
        self._served = asyncio.Event()

    def checks(self) -> dict[str, bool]:
        """Return what serving needs."""
        return self._context.watch.checks()

    async def run(self) -> None:
        """Serve until stopped."""
        helpers = [
            asyncio.create_task(self._context.watch.run()),
            asyncio.create_task(self._context.database.ensure_indexes(self._retention_days)),
        ]
        try:
            await self._server.serve()
        finally:
            self._served.set()
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def stop(self) -> None:
        """Answer the requests in flight, then close."""
        self._server.should_exit = True
        await self._served.wait()
        await self._context.aclose()
