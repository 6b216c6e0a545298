"""What the receiver gets: a request it can verify, and the event's data to the byte."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.model.event import EVENT_CONTENT_TYPE
from tests.support.receiver import Received, Receiver
from tests.support.system import System, certificate, event

CERTIFICATE = {"certificate_id": "cert_42"}
DATA = {
    "big integers": b'{"certificate_id":"c","n":123456789012345678901234567890}',
    "key order": b'{"zebra":1,"certificate_id":"c","apple":2}',
    "floats as written": b'{"certificate_id":"c","price":1.10,"tiny":1E-400,"huge":1e400,"zero":-0.0}',
    "unicode": '{"certificate_id":"c","name":"Zoë 💥 \u2028"}'.encode(),
    "escapes": b'{"certificate_id":"c","name":"Zo\\u00eb \\ud83d\\udca5 \\/ \\u2028 \\u0000"}',
    "white space": b'{ "certificate_id" :\t"c" ,\r\n "list" : [ 1 , 2 ] }',
    "markup": b'{"certificate_id":"c","html":"<script>&amp;</script>"}',
    "repeated keys": b'{"certificate_id":"c","a":1,"a":2}',
}


async def deliver(system: System, receiver: Receiver, tenant: str, **envelope: Any) -> Received:
    """Publish an event and return the one request it led to."""
    await system.publish(certificate(tenant, **envelope))
    [request] = await receiver.wait_for("/in")
    return request


async def test_the_independent_library_and_a_plain_hmac_verify_the_raw_body(
    system: System, receiver: Receiver, tenant: str
) -> None:
    webhook = await system.client(tenant).create_webhook(receiver.url("/in"))
    request = await deliver(system, receiver, tenant)
    verified = Webhook(webhook["secret"]).verify(request.body, dict(request.headers))
    assert verified == json.loads(request.body)
    expected = hmac.new(webhook["secret"].encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Wipe-Signature"] == f"sha256={expected}"
    assert "X-Guardian-Signature" not in request.headers
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook["secret"]).verify(request.body + b" ", dict(request.headers))


async def test_the_body_has_the_documented_shape(system: System, receiver: Receiver, tenant: str) -> None:
    await system.client(tenant).create_webhook(receiver.url("/in"))
    request = await deliver(
        system, receiver, tenant, subject="certificates/cert_42", time="2026-11-21T10:00:00+01:00"
    )
    body = json.loads(request.body)
    assert body == {
        "id": request.headers["webhook-id"],
        "type": "certificate.issued",
        "timestamp": "2026-11-21T10:00:00+01:00",
        "tenant": tenant,
        "subject": "certificates/cert_42",
        "data": CERTIFICATE,
    }
    assert list(body) == ["id", "type", "timestamp", "tenant", "subject", "data"]
    assert body["id"].startswith("evt_")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("Signalpost/")
    assert request.headers["X-Delivery-Attempt"] == "1"


@pytest.mark.parametrize("data", DATA.values(), ids=DATA.keys())
async def test_data_passes_through_unchanged(system: System, receiver: Receiver, tenant: str, data: bytes) -> None:
    await system.client(tenant).create_webhook(receiver.script("/in", 500, 200), retry_schedule=["100ms"])
    attributes = event("certificate.issued", None, tenant=tenant)
    del attributes["data"]
    body = json.dumps(attributes).encode()[:-1] + b',"data":' + data + b"}"
    await system.publish_raw(body, routing_key="certificate.issued", content_type=EVENT_CONTENT_TYPE)
    first, retried = await receiver.wait_for("/in", 2)
    assert first.body.endswith(b'"data":' + data + b"}")
    assert retried.body == first.body


async def test_custom_headers_arrive(system: System, receiver: Receiver, tenant: str) -> None:
    custom = {"X-Environment": "staging", "Authorization": "Bearer of-the-receiver"}
    await system.client(tenant).create_webhook(receiver.url("/in"), headers=custom)
    request = await deliver(system, receiver, tenant)
    assert {name: request.headers[name] for name in custom} == custom


@pytest.mark.parametrize(
    "name",
    [
        *("webhook-id", "Webhook-Signature", "X-Wipe-Signature", "X-Guardian-Signature", "x-wipe-signature-previous"),
        *("User-Agent", "X-Delivery-Attempt", "Traceparent", "Host", "Content-Type", "Content-Length", "Connection"),
        *("Transfer-Encoding", "Upgrade", "TE", "Bad Name", "X-Line\r\nX-Other"),
    ],
)
async def test_a_header_that_is_ours_is_refused_by_the_api(
    system: System, receiver: Receiver, tenant: str, name: str
) -> None:
    body = {"url": receiver.url("/in"), "events": ["*"], "headers": {name: "forged"}}
    assert (await system.client(tenant).call("POST", "/api/v1/webhooks", body)).status == 422


async def test_a_header_that_is_ours_is_not_overridden_even_from_a_document(
    system: System, receiver: Receiver, tenant: str
) -> None:
    webhook = await system.client(tenant).create_webhook(receiver.url("/in"))
    names = ("WEBHOOK-ID", "webhook-timestamp", "x-wipe-signature", "host", "content-length", "user-agent", "x-ok")
    forged = {"$set": {"headers": dict.fromkeys(names, "9")}}
    await system.database.subscriptions.update_one({"_id": webhook["id"]}, forged)
    request = await deliver(system, receiver, tenant)
    assert [name for name, value in request.headers.items() if value == "9"] == ["x-ok"]
    Webhook(webhook["secret"]).verify(request.body, dict(request.headers))


async def test_a_signers_webhook_gets_its_signers_events_with_the_other_signature(
    system: System, receiver: Receiver, tenant: str
) -> None:
    client = system.client(tenant, "SIGNER_ADMIN")
    created = await client.call("POST", "/signers/s_1/webhooks", {"url": receiver.url("/in"), "events": ["signer.*"]})
    assert created.status == 201, created
    for signer in ("s_2", "s_1", "s_10"):
        subject = {"subject": f"signers/{signer}"}
        await system.publish(event("signer.paused", {"signer_id": signer}, tenant=tenant, **subject))
    await system.publish(event("signer.paused", {"signer_id": "s_1"}, tenant=tenant))
    await system.wait_for_states(tenant, "delivered")
    [request] = await receiver.wait_for("/in")
    assert json.loads(request.body)["subject"] == "signers/s_1"
    secret = created.body["secret"]
    expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Guardian-Signature"] == f"sha256={expected}"
    assert "X-Wipe-Signature" not in request.headers
    Webhook(secret).verify(request.body, dict(request.headers))


async def test_while_a_secret_is_rotated_both_verify(system: System, receiver: Receiver, tenant: str) -> None:
    client = system.client(tenant)
    old = await client.create_webhook(receiver.url("/in"))
    new = await client.call("POST", f"/api/v1/webhooks/{old['id']}/rotate-secret", {})
    assert new.status == 200, new
    request = await deliver(system, receiver, tenant)
    for secret, header in (
        (new.body["secret"], "X-Wipe-Signature"),
        (old["secret"], "X-Wipe-Signature-Previous"),
    ):
        Webhook(secret).verify(request.body, dict(request.headers))
        expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
        assert request.headers[header] == f"sha256={expected}"


async def test_a_test_event_goes_through_the_whole_pipeline_once(
    system: System, receiver: Receiver, tenant: str
) -> None:
    client = system.client(tenant)
    webhook = await client.create_webhook(receiver.script("/in", 500), "signer.*")
    for _ in range(11):
        answer = await client.call("POST", f"/api/v1/webhooks/{webhook['id']}/test")
        assert answer.status == 202, answer
    deliveries = await system.wait_for_states(tenant, *["dead"] * 11)
    assert {(delivery["reason"], delivery["attempts_made"]) for delivery in deliveries} == {("test_failed", 1)}
    assert {json.loads(request.body)["type"] for request in receiver.at("/in")} == {"webhook.test"}
    shown = await client.get(f"/api/v1/webhooks/{webhook['id']}")
    assert (shown["enabled"], shown["consecutive_failures"]) == (True, 0)
