"""A server of ours that is away is a 503 that says so, and an end of the API itself lets nobody down."""

import asyncio
import json

import aiohttp
import pytest

from deploy.local.ports import free_port
from services.api.wiring import Api
from tests.api.records import Records
from tests.api.serving import answers, serving
from tests.support.system import Client, System, certificate, token
from tests.support.waiting import eventually_here

NOWHERE_AMQP = "amqp://guest:guest@127.0.0.1:{port}/"
NOWHERE_MONGODB = "mongodb://127.0.0.1:{port}/?replicaSet=rs0"


def _client(http: aiohttp.ClientSession, port: int, tenant: str) -> Client:
    return Client(http, f"http://127.0.0.1:{port}", token(tenant))


async def test_without_the_broker_an_event_is_stored_and_the_producer_told_to_try_again(
    api: System, http: aiohttp.ClientSession, tenant: str
) -> None:
    async with serving(api, AMQP_URL=NOWHERE_AMQP.format(port=free_port())) as (_, port):
        client = _client(http, port, tenant)
        sent = certificate(tenant)
        answer = await client.call("POST", "/api/v1/events", sent)
        assert (answer.status, answer.body["code"]) == (503, "broker_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        stored = await api.database.events.find_one({"tenant_id": tenant})
        assert stored is not None
        assert stored["pending_since"] is not None  # by which the reconciler finds it
        created = await client.create_webhook("http://127.0.0.1:9/in")
        assert created["secret"]
        ready = await client.call("GET", "/health/ready")
        assert (ready.status, ready.body["checks"]["broker"]) == (503, False)
        assert (await client.call("GET", "/health/live")).status == 200
    repeated = await api.client(tenant).call("POST", "/api/v1/events", sent)
    assert (repeated.status, repeated.body["duplicate"]) == (202, True)


async def test_without_the_broker_what_is_resent_is_due(
    api: System, http: aiohttp.ClientSession, tenant: str, records: Records
) -> None:
    webhook = await api.client(tenant).create_webhook("http://127.0.0.1:9/in")
    made = await records.delivery(webhook["id"])
    async with serving(api, AMQP_URL=NOWHERE_AMQP.format(port=free_port())) as (_, port):
        answer = await _client(http, port, tenant).call("POST", f"/api/v1/deliveries/{made.id}/resend")
    assert (answer.status, answer.body["code"]) == (503, "broker_unavailable")
    document = await api.database.deliveries.find_one({"_id": made.id})
    assert document is not None
    assert document["state"] == "pending"
    assert document["due_at"] is not None  # by which the reconciler finds it


async def test_without_the_database_everything_but_the_health_is_503(
    api: System, http: aiohttp.ClientSession, tenant: str
) -> None:
    async with serving(api, MONGODB_URL=NOWHERE_MONGODB.format(port=free_port())) as (_, port):
        client = _client(http, port, tenant)
        sent = certificate(tenant)
        answers = await asyncio.gather(
            client.call("GET", "/api/v1/webhooks"),
            client.call("POST", "/api/v1/webhooks", {"url": "http://127.0.0.1:9/in", "events": ["*"]}),
            client.call("DELETE", "/api/v1/webhooks/wh_1"),
            client.call("POST", "/api/v1/events", sent, **{"Idempotency-Key": "1"}),
            client.call("GET", "/api/v1/events/evt_1"),
            client.call("POST", "/api/v1/dead-letters/replay", {"cause": "x"}),
        )
        for answer in answers:
            assert (answer.status, answer.body["code"]) == (503, "storage_unavailable")
            assert int(answer.headers["Retry-After"]) > 0
        ready = await client.call("GET", "/health/ready")
        assert (ready.status, ready.body["checks"]["database"]) == (503, False)
        assert (await client.call("GET", "/health/live")).status == 200
        assert (await client.call("GET", "/api/v1/event-types")).status == 200


async def test_a_request_that_has_begun_is_answered_before_the_api_ends(api: System, tenant: str) -> None:
    body = json.dumps({"url": "http://127.0.0.1:9/in", "events": ["*"]}).encode()
    head = (
        f"POST /api/v1/webhooks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token(tenant)}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    async with serving(api) as (service, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + body[:10])
        await writer.drain()
        await _until_being_answered(service)
        stopping = asyncio.create_task(service.stop())
        await eventually_here(lambda: not service._server.addresses)
        assert not await answers(port)
        writer.write(body[10:])
        assert (await reader.readline()).split()[1] == b"201"
        await stopping
        writer.close()
        await writer.wait_closed()


async def _until_being_answered(service: Api) -> None:
    await eventually_here(lambda: service._server.server_state.tasks)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/openapi.json", "/docs"])
async def test_health_and_documents_need_no_token(api: System, http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(api.url + path) as answer:
        assert answer.status == 200


async def test_metrics_count_requests_by_route_and_not_by_path(api: System, http: aiohttp.ClientSession) -> None:
    client = api.client("org_metrics")
    await client.call("GET", "/api/v1/webhooks/wh_nobody_has_this")
    await client.call("GET", "/no/such/path")
    async with http.get(f"http://127.0.0.1:{api.services['api'].port('health')}/metrics") as answer:
        text = await answer.text()
    assert 'route="/api/v1/webhooks/{webhook_id}",status="404"' in text
    assert 'route="unmatched",status="404"' in text
    assert "wh_nobody_has_this" not in text
    assert "no/such" not in text
