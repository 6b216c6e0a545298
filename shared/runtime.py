"""Runs services in one process: health endpoint, signals, and a drain before the end.

A service is anything with `run`, `stop` and `checks`. SIGTERM or Ctrl-C stops all of them: they take no more
work, finish and record what is in flight, and close. A second signal ends the process at once.
"""

import asyncio
import signal
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import structlog
from aiohttp import web
from prometheus_client import REGISTRY, generate_latest

from shared.settings import CoreSettings
from shared.telemetry.metrics import READY

log = structlog.get_logger(__name__)


class Service(Protocol):
    """One part of the system that runs until it is stopped."""

    name: str

    def checks(self) -> dict[str, bool]:
        """Return what must be true for this service to do its work, by name."""
        ...

    async def run(self) -> None:
        """Work until `stop`."""
        ...

    async def stop(self) -> None:
        """Drain, then close everything."""
        ...


async def run_services(services: Sequence[Service], settings: CoreSettings) -> None:
    """Run services until a signal comes or one of them fails.

    Raises:
        ExceptionGroup: what a service failed with, after the others were drained.
    """
    for service in services:
        for check in service.checks():
            READY.labels(service.name, check).set_function(partial(_holds, service, check))
    health = await _serve_health(services, settings)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, stopped)
    running = [asyncio.create_task(service.run()) for service in services]
    waiter = asyncio.create_task(stopped.wait())
    await asyncio.wait({*running, waiter}, return_when=asyncio.FIRST_COMPLETED)
    log.info("service.draining", services=[service.name for service in services])
    for service in services:
        await service.stop()
    for task in (waiter, *running):  # one may still be waiting for a server that never came
        task.cancel()
    results = await asyncio.gather(*running, return_exceptions=True)
    await health.cleanup()
    failures = [result for result in results if isinstance(result, Exception)]
    if failures:
        raise ExceptionGroup("a service failed", failures)
    log.info("service.stopped")


def _holds(service: Service, check: str) -> bool:
    return service.checks()[check]


def _on_signal(stopped: asyncio.Event) -> None:
    if stopped.is_set():
        raise SystemExit(1)
    stopped.set()


async def _serve_health(services: Sequence[Service], settings: CoreSettings) -> web.AppRunner:
    async def live(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(_: web.Request) -> web.Response:
        checks = {f"{service.name}.{name}": ok for service in services for name, ok in service.checks().items()}
        is_ready = all(checks.values())
        return web.json_response({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(REGISTRY), content_type="text/plain", charset="utf-8")

    app = web.Application()
    app.add_routes([web.get("/health/live", live), web.get("/health/ready", ready), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, settings.health_host, settings.health_port)
    await site.start()
    log.info("service.health", port=runner.addresses[0][1])
    return runner
