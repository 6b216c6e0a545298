"""The frame of every program: settings (or one line about each fault), logs, services, health, an orderly end.

A service is anything with `run`, `stop` and `checks`. SIGTERM or Ctrl-C stops all of them: they take no more work,
finish and record what is in flight, and close. A second signal ends the process immediately.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

import structlog
import uvloop

from shared.catalogue import CatalogueError
from shared.process.health import HEALTH_LIMITS, HealthApp
from shared.process.http_server.server import HttpServer
from shared.process.logs import configure_logs
from shared.process.settings import CoreSettings, InvalidSettings, load
from shared.telemetry.metrics import READY

log = structlog.get_logger(__name__)

SettingsT = TypeVar("SettingsT", bound=CoreSettings)

CONFIGURATION_ERROR = 78
"""Exit code for a wrong setting (EX_CONFIG of sysexits.h): starting again will not help."""


HEALTH_DRAIN: Final = 1.0
"""Seconds for answers of the health port that are under way when the process ends."""


class Service(Protocol):
    """One part of the system that runs until it is stopped."""

    name: str

    def checks(self) -> dict[str, bool]:
        """Return the conditions that this service needs to work, by name."""
        ...

    async def run(self) -> None:
        """Work until `stop`."""
        ...

    async def stop(self) -> None:
        """Drain, then close everything."""
        ...


def run_program(name: str, settings_class: type[SettingsT], build: Callable[[SettingsT], Sequence[Service]]) -> None:
    """Run the services that `build` returns in this process, until a signal comes."""
    try:
        settings = load(settings_class)
    except InvalidSettings as error:
        sys.exit(_refuse(error))
    configure_logs(settings, service=name)

    async def serve() -> None:
        # Build inside the loop, because connections bind to it.
        services = build(settings)
        _relieve_garbage_collection()
        await run_services(services, settings)

    try:
        uvloop.run(serve())
    except CatalogueError as error:
        sys.exit(_refuse(error))


def _relieve_garbage_collection() -> None:
    """Freeze everything allocated so far (mostly modules) out of garbage collection.

    Scanning it repeatedly took a seventh of a consumer's CPU. The thresholds stay at Python's defaults: with higher
    ones a mailer, whose mails are full of reference cycles, used half as much memory again.
    """
    gc.collect()
    gc.freeze()


def _refuse(error: Exception) -> int:
    print(error, file=sys.stderr)  # noqa: T201 - logs are not set up, and a person is reading
    return CONFIGURATION_ERROR


async def run_services(services: Sequence[Service], settings: CoreSettings) -> None:
    """Run services until a signal comes or one of them fails.

    Raises:
        ExceptionGroup: the failures of services, after the others were drained.
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
    for task in (waiter, *running):  # a service may still be waiting for an absent server
        task.cancel()
    results = await asyncio.gather(*running, return_exceptions=True)
    await health.stop(within=HEALTH_DRAIN)
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


async def _serve_health(services: Sequence[Service], settings: CoreSettings) -> HttpServer:
    server = HttpServer(
        HealthApp(services), host=settings.health_host, port=settings.health_port, limits=HEALTH_LIMITS
    )
    await server.start()
    log.info("service.health", port=server.addresses[0][1])
    return server
