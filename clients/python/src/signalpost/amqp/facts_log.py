"""Where the publisher says what an operator should know: a stable name, and facts.

In an application these are lines of the standard `logging`; Signalpost's own services put a structured log there.
"""

import logging
from typing import Any, Protocol

_lines = logging.getLogger("signalpost.amqp")


class FactsLog(Protocol):
    """Takes the name of what happened, and its facts."""

    def warning(self, event: str, /, **facts: Any) -> Any:
        """Say what an operator should know."""
        ...


class StandardLog:
    """Writes both as one line of text."""

    def warning(self, event: str, /, **facts: Any) -> None:
        """Say what an operator should know."""
        _lines.warning("%s: %s", event, ", ".join(f"{name} {value}" for name, value in facts.items()))
