"""A stand-in for an OpenTelemetry collector: takes OTLP over HTTP as the real one does, and keeps every span."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as RawSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.support.http_server import http_server
from tests.support.waiting import eventually_here

Value = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span, as it was sent."""

    trace_id: str
    id: str
    parent: str
    """Empty for the first of a trace."""
    name: str
    kind: str
    service: str
    attributes: Mapping[str, Value]
    links: tuple[str, ...]
    events: Mapping[str, int]
    start: int
    end: int
    failed: bool


class Collector:
    """What has been sent so far."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.url = ""

    def of(self, trace_id: str) -> list[Span]:
        """The spans of a trace so far, in the order in which they began."""
        return sorted((span for span in self.spans if span.trace_id == trace_id), key=lambda span: span.start)

    async def trace(self, trace_id: str, *names: str) -> list[Span]:
        """Wait until a trace has spans with exactly these names; returns them in the order in which they began."""
        return await eventually_here(
            lambda: self.of(trace_id), until=lambda seen: sorted(span.name for span in seen) == sorted(names)
        )

    async def _take(self, request: web.Request) -> web.Response:
        sent = ExportTraceServiceRequest.FromString(await request.read())
        for resource in sent.resource_spans:
            service = str(_values(resource.resource.attributes)["service.name"])
            self.spans += [_span(raw, service) for scope in resource.scope_spans for raw in scope.spans]
        return web.Response(content_type="application/x-protobuf")


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Run a collector until the end of the block."""
    collector = Collector()
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_post("/v1/traces", collector._take)
    async with http_server(app) as collector.url:
        yield collector


def _span(raw: RawSpan, service: str) -> Span:
    return Span(
        trace_id=raw.trace_id.hex(),
        id=raw.span_id.hex(),
        parent=raw.parent_span_id.hex(),
        name=raw.name,
        kind=RawSpan.SpanKind.Name(raw.kind).removeprefix("SPAN_KIND_"),
        service=service,
        attributes=_values(raw.attributes),
        links=tuple(link.span_id.hex() for link in raw.links),
        events={event.name: event.time_unix_nano for event in raw.events},
        start=raw.start_time_unix_nano,
        end=raw.end_time_unix_nano,
        failed=raw.status.code == Status.STATUS_CODE_ERROR,
    )


def _values(pairs: "object") -> dict[str, Value]:
    found: dict[str, Value] = {}
    for pair in pairs:  # type: ignore[attr-defined]
        assert isinstance(pair, KeyValue)
        kind = pair.value.WhichOneof("value")
        assert kind is not None
        found[pair.key] = getattr(pair.value, kind)
    return found
