"""What the code says to tracing, whoever does it; nothing here imports OpenTelemetry.

Tracing is `None` where it is off, so that a hook then costs one comparison, and OpenTelemetry is imported only where
it is on. Contexts are passed on by hand, as the `traceparent` that travels in messages anyway: no ambient state.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, auto
from types import TracebackType
from typing import Protocol

Attributes = Mapping[str, str | int | float | bool]


class Kind(Enum):
    """The side of a conversation that a span shows."""

    PRODUCER = auto()
    CONSUMER = auto()
    CLIENT = auto()


class Span(Protocol):
    """Something that takes time. As a context manager it ends with the block, and has failed if the block raises."""

    @property
    def traceparent(self) -> str:
        """The context (W3C Trace Context) for what follows from it."""
        ...

    def note(self, attributes: Attributes) -> None:
        """Add facts that were not known at its start."""
        ...

    def happened(self, what: str, at: datetime) -> None:
        """Note that something happened at this time, which may lie before its start."""
        ...

    def fail(self, error_type: str) -> None:
        """Mark it as failed, with a word from a small set."""
        ...

    def end(self) -> None:
        """End it now."""
        ...

    def __enter__(self) -> "Span": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Tracing(Protocol):
    """Makes spans, and sends them away in the background."""

    def start(
        self, name: str, kind: Kind, *, parent: str | None, attributes: Attributes, link: str | None = None
    ) -> Span:
        """Begin a span.

        Args:
            name: one of few: no id is part of it.
            kind: the side it shows.
            parent: the `traceparent` it follows from; None, or one that is none, begins a trace.
            attributes: what is known at its start.
            link: the `traceparent` of the span that created the message it is about.
        """
        ...

    async def aclose(self) -> None:
        """Send away what has ended, for a few seconds at most."""
        ...
