"""The interface to tracing; nothing here imports OpenTelemetry.

Tracing is `None` if it is off: then a hook costs one comparison, and OpenTelemetry is not imported. Contexts are
passed explicitly, as the `traceparent` that messages carry anyway: there is no ambient state.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, auto
from types import TracebackType
from typing import Protocol

Attributes = Mapping[str, str | int | float | bool]


class Kind(Enum):
    """A span's side of a conversation."""

    PRODUCER = auto()
    CONSUMER = auto()
    CLIENT = auto()


class Span(Protocol):
    """Something that takes time. As a context manager it ends with the block, and fails if the block raises."""

    @property
    def traceparent(self) -> str:
        """The context (W3C Trace Context) for what this span causes."""
        ...

    def note(self, attributes: Attributes) -> None:
        """Add facts that were not known at its start."""
        ...

    def happened(self, what: str, at: datetime) -> None:
        """Record that something happened at this time, which may be before the span's start."""
        ...

    def fail(self, error_type: str) -> None:
        """Mark the span as failed, with a word from a small set."""
        ...

    def end(self) -> None:
        """End it now."""
        ...

    def __enter__(self) -> "Span": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Tracing(Protocol):
    """Creates spans, and sends them in the background."""

    def start(
        self, name: str, kind: Kind, *, parent: str | None, attributes: Attributes, link: str | None = None
    ) -> Span:
        """Begin a span.

        Args:
            name: from a small set, without ids.
            kind: the side of the conversation.
            parent: the `traceparent` of the cause; None or an invalid one begins a trace.
            attributes: what is known at the start.
            link: the `traceparent` of the span that created the message.
        """
        ...

    async def aclose(self) -> None:
        """Send the spans that have ended; give up after a few seconds."""
        ...
