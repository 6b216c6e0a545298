"""Real services send their spans to a collector: one trace from the producer's publish to every attempt."""

import asyncio
import json
import subprocess
import sys

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from signalpost.producer import EventPublisher, NewEvent
from signalpost.producer.opentelemetry import OpenTelemetrySpans
from tests.support.receiver import Receiver
from tests.support.system import System, event
from tests.telemetry.collector import Collector, Span

CERTIFICATE = {"certificate_id": "cert_42", "note": "a secret of the body"}
INVITATION = {
    "email": "ada@example.com",
    "accept_url": "https://app.example.com/i/secret-invitation",
    "role": "admin",
}
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e47{:02x}"
PARENT = "00f067aa0ba902b7"
SAMPLED = 1
RETRIED = ("send events", "process events.to_dispatch", "deliver webhook", "POST", "deliver webhook", "POST")


async def publish(traced: System, collector: Collector, tenant: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Publish as a producer with tracing of its own does; returns the trace's id."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "wipe-backend"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    spans = OpenTelemetrySpans(provider)
    async with EventPublisher(traced.environment["AMQP_URL"], source="/wipe", tracing=spans) as publisher:
        sent = await publisher.publish(NewEvent(type="certificate.issued", tenant=tenant, data=CERTIFICATE))
    await asyncio.to_thread(provider.shutdown)
    assert sent.traceparent is not None
    return sent.traceparent[3:35]


async def test_one_trace_leads_from_the_publish_to_both_attempts(
    traced: System, collector: Collector, receiver: Receiver, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = await traced.client(tenant).create_webhook(receiver.script("/in", 500, 200), "certificate.*")
    trace_id = await publish(traced, collector, tenant, monkeypatch)
    send, process, first, first_post, second, second_post = await collector.trace(trace_id, *RETRIED)

    assert [span.name for span in (send, process, first, first_post, second, second_post)] == list(RETRIED)
    assert (send.parent, process.parent) == ("", send.id)
    assert (first.parent, second.parent) == (process.id, process.id)
    assert (first_post.parent, second_post.parent) == (first.id, second.id)
    assert process.links == (send.id,)
    assert first.links == second.links == (process.id,)
    kinds = {span.name: span.kind for span in (send, process, first, first_post)}
    assert kinds == dict(zip(RETRIED, ("PRODUCER", "CONSUMER", "CONSUMER", "CLIENT"), strict=False))
    assert [span.service for span in (send, process, first, first_post)] == [
        "wipe-backend",
        "signalpost-dispatcher",
        "signalpost-webhook",
        "signalpost-webhook",
    ]
    assert process.attributes["signalpost.deliveries"] == 1
    assert send.attributes["messaging.message.id"] == process.attributes["messaging.message.id"]
    [delivery] = await traced.deliveries(tenant)
    assert delivery["subscription_id"] == webhook["id"]
    assert {span.attributes["signalpost.delivery.id"] for span in (first, second)} == {delivery["_id"]}


async def test_each_attempt_says_what_came_of_it_and_how_long_it_waited(
    traced: System, collector: Collector, receiver: Receiver, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await traced.client(tenant).create_webhook(receiver.script("/in", 500, 200), "certificate.*")
    trace_id = await publish(traced, collector, tenant, monkeypatch)
    _, _, first, first_post, second, second_post = await collector.trace(trace_id, *RETRIED)
    assert (first.attributes["signalpost.attempt"], second.attributes["signalpost.attempt"]) == (1, 2)
    assert (first.attributes["signalpost.outcome"], first.failed) == ("http_5xx", True)
    assert (second.attributes["signalpost.outcome"], second.failed) == ("success", False)
    assert (first_post.attributes["http.response.status_code"], first_post.failed) == (500, True)
    assert (second_post.attributes["http.response.status_code"], second_post.failed) == (200, False)
    assert second_post.attributes["http.request.resend_count"] == 1
    assert int(second.attributes["signalpost.waited_ms"]) >= 1000
    # Stored in whole milliseconds, and taken before the span ends, however long that takes a busy process.
    assert first.start - 1_000_000 <= second.events["wait began"] <= second.start - 1_000_000_000
    assert second_post.attributes["server.address"] == "127.0.0.1"


async def test_the_receiver_can_go_on_with_the_trace_of_its_request(
    traced: System, collector: Collector, receiver: Receiver, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await traced.client(tenant).create_webhook(receiver.script("/in", 500, 200), "certificate.*")
    trace_id = await publish(traced, collector, tenant, monkeypatch)
    posts = [span for span in await collector.trace(trace_id, *RETRIED) if span.name == "POST"]
    carried = [request.headers["traceparent"] for request in await receiver.wait_for("/in", 2)]
    assert [traceparent[:-3] for traceparent in carried] == [f"00-{trace_id}-{post.id}" for post in posts]
    assert all(int(traceparent[-2:], 16) & SAMPLED for traceparent in carried)


async def test_an_event_over_http_goes_on_with_the_callers_trace(
    traced: System, collector: Collector, tenant: str
) -> None:
    trace_id = TRACE_ID.format(1)
    body = {"type": "user.invited", "id": "1", "source": "/tests", "data": INVITATION}
    answer = await traced.client(tenant).call(
        "POST", "/api/v1/events", body, traceparent=f"00-{trace_id}-{PARENT}-01"
    )
    assert answer.status == 202
    names = ("send events", "process events.to_dispatch", "deliver mail")
    send, process, mail = await collector.trace(trace_id, *names)
    assert (send.parent, process.parent, mail.parent) == (PARENT, send.id, process.id)
    assert (send.service, mail.service) == ("signalpost-api", "signalpost-mailer")
    assert mail.links == (process.id,)
    assert (mail.attributes["signalpost.outcome"], mail.attributes["signalpost.attempt"]) == ("success", 1)
    assert mail.attributes["messaging.destination.name"] == "notifications.to_send.email"


async def test_a_message_that_is_no_event_shows_as_a_failed_span_of_its_trace(
    traced: System, collector: Collector
) -> None:
    trace_id = TRACE_ID.format(2)
    headers = {"traceparent": f"00-{trace_id}-{PARENT}-01"}
    await traced.publish_raw(b"{}", routing_key="certificate.issued", headers=headers)
    [process] = await collector.trace(trace_id, "process events.to_dispatch")
    assert process.failed
    assert process.attributes["error.type"] == "invalid_event"


async def test_what_the_producer_decided_not_to_record_is_not_recorded_but_its_trace_goes_on(
    traced: System, collector: Collector, receiver: Receiver, tenant: str
) -> None:
    await traced.client(tenant).create_webhook(receiver.url("/in"), "certificate.*")
    trace_id = TRACE_ID.format(3)
    traceparent = f"00-{trace_id}-{PARENT}-00"
    await traced.publish(event("certificate.issued", CERTIFICATE, tenant=tenant, traceparent=traceparent))
    [request] = await receiver.wait_for("/in")
    assert request.headers["traceparent"].startswith(f"00-{trace_id}-")
    assert not int(request.headers["traceparent"][-2:], 16) & SAMPLED
    await traced.wait_for_states(tenant, "delivered")
    assert collector.of(trace_id) == []


async def test_no_span_holds_a_secret_a_body_a_query_or_an_address(
    traced: System, collector: Collector, receiver: Receiver, tenant: str
) -> None:
    client, trace_id = traced.client(tenant), TRACE_ID.format(4)
    webhook = await client.create_webhook(
        receiver.url("/path-that-is-secret?token=hunter2"), "*", headers={"X-Api-Key": "hunter3"}
    )
    traceparent = f"00-{trace_id}-{PARENT}-01"
    await traced.publish(event("user.invited", INVITATION | {"n": "hunter4"}, tenant=tenant, traceparent=traceparent))
    names = ("process events.to_dispatch", "deliver webhook", "POST", "deliver mail")
    shown = "\n".join(_texts(await collector.trace(trace_id, *names)))
    assert tenant in shown
    for secret in (webhook["secret"], "whsec", "hunter", "token", "path-that-is-secret", "ada@", "invitation", "?"):
        assert secret not in shown


def _texts(spans: list[Span]) -> list[str]:
    return [f"{name}={value}" for span in spans for name, value in {"name": span.name, **span.attributes}.items()]


IMPORTED = """
import asyncio, json, sys
from services.api.wiring import Api
from services.cli.run import AllSettings, Dispatcher, Mailer, WebhookConsumer
from shared.process.settings import load

async def build():
    for service in [Dispatcher, WebhookConsumer, Mailer, Api]:
        service(load(AllSettings))
    print(json.dumps(sorted(sys.modules)))

asyncio.run(build())
"""


@pytest.mark.parametrize(
    ("settings", "on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, True),
    ],
)
def test_the_sdk_is_imported_only_where_tracing_is_on(settings: dict[str, str], on: bool) -> None:
    # FastAPI imports OpenTelemetry's API by itself, which does nothing without the SDK.
    environment = {"ENVIRONMENT": "development", "AUTH_JWT_SECRET": "x" * 40, **settings}
    done = subprocess.run([sys.executable, "-c", IMPORTED], env=environment, capture_output=True, check=True)
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    assert ("shared.telemetry.otel" in modules) is on
    assert ("opentelemetry.sdk" in modules) is on
    assert any(name.startswith("opentelemetry.exporter") for name in modules) is on
