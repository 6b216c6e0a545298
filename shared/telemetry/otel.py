"""Tracing by OpenTelemetry's SDK, the only module that imports it; imported only where tracing is on.

The SDK itself reads OTEL_*: endpoint, headers, sampler, resource, batching. Spans are sent by a thread of its own.
"""

import asyncio
import contextlib
import threading
from datetime import datetime
from importlib.metadata import version
from types import TracebackType
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from shared.telemetry.tracing import Attributes, Kind
from signalpost.traceparent import traceparent_of, valid_traceparent

FLUSH_SECONDS: Final = 5.0
"""How long a process that ends waits for a collector that doesn't answer."""
VERSION: Final = version("signalpost-server")

_KINDS: Final = {Kind.PRODUCER: SpanKind.PRODUCER, Kind.CONSUMER: SpanKind.CONSUMER, Kind.CLIENT: SpanKind.CLIENT}


class OtelSpan:
    """An OpenTelemetry span."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        """The context for what this span causes."""
        context = self._span.get_span_context()
        return traceparent_of(trace_id=context.trace_id, span_id=context.span_id, flags=context.trace_flags)

    def note(self, attributes: Attributes) -> None:
        """Add facts that were not known at its start."""
        self._span.set_attributes(attributes)

    def happened(self, what: str, at: datetime) -> None:
        """Note that something happened at this time."""
        self._span.add_event(what, timestamp=round(at.timestamp() * 1e9))

    def fail(self, error_type: str) -> None:
        """Mark it as failed."""
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(StatusCode.ERROR)

    def end(self) -> None:
        """End it now."""
        self._span.end()

    def __enter__(self) -> "OtelSpan":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self.fail(kind.__name__)  # not the error's text, which may hold anything
        self._span.end()


class OtelTracing:
    """Creates spans with a tracer provider: our own, or that of the application that uses us as a library."""

    def __init__(self, provider: trace.TracerProvider, *, own: TracerProvider | None = None) -> None:
        """`own`: the provider to shut down on close; None if it belongs to the application."""
        self._own = own
        self._tracer = provider.get_tracer("signalpost", VERSION)

    @classmethod
    def from_environment(cls, service: str, *, to_console: bool) -> "OtelTracing":
        """Create a provider from OTEL_*; `service` is the default for its service name."""
        named = OTELResourceDetector().detect().attributes
        name = {} if SERVICE_NAME in named else {SERVICE_NAME: service}
        provider = TracerProvider(
            resource=Resource.create({SERVICE_VERSION: VERSION, **name}), shutdown_on_exit=False
        )
        provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter() if to_console else OTLPSpanExporter()))
        return cls(provider, own=provider)

    def start(
        self, name: str, kind: Kind, *, parent: str | None, attributes: Attributes, link: str | None = None
    ) -> OtelSpan:
        """Begin a span."""
        above = _context_of(parent)
        creation = _context_of(link)
        return OtelSpan(
            self._tracer.start_span(
                name,
                context=Context() if above is None else trace.set_span_in_context(NonRecordingSpan(above), Context()),
                kind=_KINDS[kind],
                attributes=attributes,
                links=[] if creation is None else [Link(creation)],
            )
        )

    async def aclose(self) -> None:
        """Send the spans that have ended."""
        if self._own is None:
            return
        provider, loop, done = self._own, asyncio.get_running_loop(), asyncio.Event()

        def flush() -> None:
            provider.shutdown()
            with contextlib.suppress(RuntimeError):  # it took too long, and the loop is closed
                loop.call_soon_threadsafe(done.set)

        # Not in the loop's executor: on shutdown the loop would wait for it, however long it takes.
        threading.Thread(target=flush, daemon=True, name="traces.flush").start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await done.wait()


def _context_of(traceparent: str | None) -> SpanContext | None:
    if valid_traceparent(traceparent) is None or traceparent is None:
        return None
    return SpanContext(
        trace_id=int(traceparent[3:35], 16),
        span_id=int(traceparent[36:52], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(traceparent[53:55], 16)),
    )
