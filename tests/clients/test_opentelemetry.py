"""The span of a publish: what it says, whose trace it continues, and that a failed one says so and nothing else."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.catalogue import Catalogue
from signalpost.events import ProofFailed
from signalpost.producer import EventPublisher, InvalidEvent
from signalpost.producer.new_event import accept
from signalpost.producer.opentelemetry import OpenTelemetrySpans
from tests.support.values import TRACE_ID, TRACEPARENT


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def test_a_span_continues_the_events_trace_and_says_what_was_published(
    provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    event = accept(ProofFailed(tenant="org_1", proof_id="p"), source="/wipe", catalogue=Catalogue.builtin())
    with OpenTelemetrySpans(provider)(TRACEPARENT) as span:
        assert span.traceparent[3:35] == TRACE_ID
        span.published(event)
    [finished] = exporter.get_finished_spans()
    assert finished.name == "send events"
    assert finished.attributes is not None
    assert finished.attributes["signalpost.event.id"] == event.id
    assert finished.attributes["messaging.destination.name"] == "events"


def test_without_a_trace_of_its_own_an_event_joins_the_current_span(provider: TracerProvider) -> None:
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("request") as request, OpenTelemetrySpans(provider)(None) as span:
        assert int(span.traceparent[3:35], 16) == request.get_span_context().trace_id


async def test_a_publish_that_failed_is_a_failed_span_that_holds_nothing_of_the_event(
    provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    async with EventPublisher(
        "amqp://127.0.0.1:1", source="/wipe", tracing=OpenTelemetrySpans(provider)
    ) as publisher:
        with pytest.raises(InvalidEvent):
            await publisher.publish(ProofFailed(tenant="org_1", proof_id=""))
    [finished] = exporter.get_finished_spans()
    assert finished.attributes is not None
    assert finished.attributes["error.type"] == "InvalidEvent"
    assert (finished.status.is_ok, finished.status.description, finished.events) == (False, None, ())
