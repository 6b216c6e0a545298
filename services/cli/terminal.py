"""What every short-lived command shares: settings, errors as one line, and text that is safe to print."""

import asyncio
import logging
import sys
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, NoReturn, TypeVar

import structlog
import typer

from shared.broker import BrokerUnavailable
from shared.process.settings import InvalidSettings, SettingsT, load
from shared.storage import StorageUnavailable

Result = TypeVar("Result")

_AGES = ((86_400, "d"), (3600, "h"), (60, "m"))


def settings_or_exit(settings_class: type[SettingsT]) -> SettingsT:
    """Read the settings, or print what is wrong with them and exit."""
    try:
        return load(settings_class)
    except InvalidSettings as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    """Print what is wrong and exit with 1."""
    print(message, file=sys.stderr)
    raise typer.Exit(1)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run code that uses the servers; an absent server becomes one sentence."""
    # People and programs read standard output: logs would disturb both.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # it logs what it also raises
    try:
        return asyncio.run(work)
    except BrokerUnavailable as error:
        fail(f"the broker at AMQP_URL can't be used: {error}")
    except StorageUnavailable as error:
        fail(f"the database at MONGODB_URL can't be used: {str(error)[:300]}")


def tell(line: str) -> None:
    """Report the progress of long work."""
    print(line, file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Return text without control sequences: strangers write headers, bodies and answers."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def age(since: datetime | None, now: datetime) -> str:
    """Return how long ago something was, in one unit: `2h`."""
    if since is None:
        return "?"
    seconds = max(int((now - since).total_seconds()), 0)
    return next((f"{seconds // size}{unit}" for size, unit in _AGES if seconds >= size), f"{seconds}s")
