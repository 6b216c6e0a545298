"""The frame of every program here: read settings or say in one line what is wrong, set up logs, run, exit."""

import gc
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import uvloop

from shared.catalogue import CatalogueError
from shared.runtime import Service, run_services
from shared.settings import CoreSettings, InvalidSettings, load
from shared.telemetry.logs import configure_logs

SettingsT = TypeVar("SettingsT", bound=CoreSettings)

CONFIGURATION_ERROR = 78
"""Exit code for a wrong setting (EX_CONFIG of sysexits.h): starting again will not help."""


def run_program(name: str, settings_class: type[SettingsT], build: Callable[[SettingsT], Sequence[Service]]) -> None:
    """Run the services that `build` makes, in this process, until a signal comes."""
    try:
        settings = load(settings_class)
    except InvalidSettings as error:
        sys.exit(_refuse(error))
    configure_logs(settings, service=name)

    async def serve() -> None:
        # Built inside the loop: connections bind to it.
        services = build(settings)
        _relieve_garbage_collection()
        await run_services(services, settings)

    try:
        uvloop.run(serve())
    except CatalogueError as error:
        sys.exit(_refuse(error))


def _relieve_garbage_collection() -> None:
    """Have what exists by now, all the modules above all, never looked at again.

    Looking through them again and again took a seventh of a consumer's CPU. How often is looked stays Python's
    choice: with higher thresholds a mailer, whose mails are full of cycles, grew by half.
    """
    gc.collect()
    gc.freeze()


def _refuse(error: Exception) -> int:
    print(error, file=sys.stderr)  # noqa: T201 - logs are not set up, and a person is reading
    return CONFIGURATION_ERROR
