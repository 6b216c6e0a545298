"""Puts the HTTP API together, and serves it inside the loop that runs already."""

import asyncio

import structlog

from services.api.app import create_app
from services.api.http.answers import NoStore, every_answers_headers
from services.api.http.context import ApiContext
from services.api.settings import ApiSettings
from shared.process.http_server.server import HttpServer

DRAIN_SECONDS = 20
"""How long requests that are being answered may take when the service stops."""

log = structlog.get_logger(__name__)


class Api:
    """The HTTP API as a service of the runtime."""

    name = "api"

    def __init__(self, settings: ApiSettings) -> None:
        self._retention_days = settings.retention_days
        self._context = ApiContext.from_settings(settings)
        self._server = HttpServer(
            NoStore(create_app(self._context)),
            host=settings.api_host,
            port=settings.api_port,
            limits=settings.http_limits(),
            headers=every_answers_headers(settings.public_url),
        )
        self._stopping, self._served = asyncio.Event(), asyncio.Event()

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
            await self._server.start()
            log.info("api.listening", address=self._server.addresses)
            await self._stopping.wait()
            await self._server.stop(within=DRAIN_SECONDS)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)  # before `stop` closes what they work with
            self._served.set()

    async def stop(self) -> None:
        """Answer the requests in flight, then close."""
        self._stopping.set()
        await self._served.wait()
        await self._context.aclose()
