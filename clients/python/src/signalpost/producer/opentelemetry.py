"""Shows each publish as a span of the producer's own OpenTelemetry; needs the extra `signalpost[opentelemetry]`.

EventPublisher(amqp_url, source="/wipe/backend", tracing=OpenTelemetrySpans())
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from signalpost.cloudevent import Event
from signalpost.span_facts import SEND_EVENTS, SEND_FACTS, event_facts
from signalpost.traceparent import traceparent_of


class OpenTelemetrySpans:
    """Makes the spans with a tracer provider, by default the global one.

    A span continues the trace of the event's `traceparent`, else that of the current span, else it begins one.
    """

    def __init__(self, provider: trace.TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("signalpost", version("signalpost"), provider)

    @contextmanager
    def __call__(self, parent: str | None) -> Iterator["OpenTelemetrySpan"]:
        """Begin the span of one publish."""
        above = TraceContextTextMapPropagator().extract({"traceparent": parent}) if parent else None
        with self._tracer.start_as_current_span(
            SEND_EVENTS,
            context=above,
            kind=trace.SpanKind.PRODUCER,
            attributes=SEND_FACTS,
            record_exception=False,  # its text may hold anything
            set_status_on_exception=False,
        ) as span:
            try:
                yield OpenTelemetrySpan(span)
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(trace.StatusCode.ERROR)
                raise


class OpenTelemetrySpan:
    """The span of one publish."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        """What the event carries on (W3C Trace Context)."""
        context = self._span.get_span_context()
        return traceparent_of(trace_id=context.trace_id, span_id=context.span_id, flags=context.trace_flags)

    def published(self, event: Event) -> None:
        """Note what was published."""
        self._span.set_attributes(event_facts(event))
