"""Tracing that keeps its spans, for tests of what is said to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType

from shared.telemetry.tracing import Attributes, Kind


@dataclass
class MemorySpan:
    """What was said about one span."""

    name: str
    kind: Kind
    parent: str | None
    attributes: dict[str, str | int | float | bool]
    events: list[tuple[str, datetime]] = field(default_factory=list)
    error: str = ""
    is_ended: bool = False

    @property
    def traceparent(self) -> str:
        """A valid context, the same for every span."""
        return "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"

    def note(self, attributes: Attributes) -> None:
        """Keep facts that were not known at its start."""
        self.attributes |= dict(attributes)

    def happened(self, what: str, at: datetime) -> None:
        """Keep that something happened at this time."""
        self.events.append((what, at))

    def fail(self, error_type: str) -> None:
        """Mark it as failed."""
        self.error = error_type

    def end(self) -> None:
        """End it now."""
        self.is_ended = True

    def __enter__(self) -> "MemorySpan":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.fail(type(error).__name__)
        self.end()


class MemoryTracing:
    """Stands for what `shared.telemetry.setup` makes."""

    def __init__(self) -> None:
        self.spans: list[MemorySpan] = []

    def start(
        self, name: str, kind: Kind, *, parent: str | None, attributes: Attributes, link: str | None = None
    ) -> MemorySpan:
        """Begin a span and keep it."""
        facts: Mapping[str, str | int | float | bool] = attributes
        span = MemorySpan(name, kind, parent, dict(facts) | ({"link": link} if link else {}))
        self.spans.append(span)
        return span

    async def aclose(self) -> None:
        """Do nothing: nothing is sent away."""
