"""Events over HTTP: stored, published and only then accepted; once, and for the right tenant."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from shared.model.identity import event_id
from tests.api.tap import Tap
from tests.support.system import Client, System, event, new_tenant, token

DATA = {"certificate_id": "cert_42"}
PATH = "/api/v1/events"


async def _send(
    http: aiohttp.ClientSession, api: System, bearer: str, body: bytes, **headers: str
) -> tuple[int, Any]:
    given = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/cloudevents+json"}
    async with http.post(api.url + PATH, data=body, headers=given | headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_an_accepted_event_is_stored_and_on_the_broker(
    api: System, client: Client, tenant: str, tap: Tap
) -> None:
    sent = event("certificate.issued", DATA, tenant=tenant, subject="certificates/cert_42")
    answer = await client.call("POST", PATH, sent)
    assert (answer.status, answer.body["duplicate"]) == (202, False)
    assert answer.body["id"] == event_id(tenant_id=tenant, source=sent["source"], source_id=sent["id"])
    stored = await api.database.events.find_one({"_id": answer.body["id"]})
    assert stored is not None
    assert (stored["tenant_id"], stored["subject"], stored["dispatched_at"]) == (tenant, sent["subject"], None)
    [message] = await tap.events(sent["id"].encode())
    assert message.routing_key == "certificate.issued"
    published = json.loads(message.body)
    assert published.pop("traceparent")
    assert published == sent


async def test_a_trace_context_too_long_for_a_header_hinders_nothing(client: Client, tenant: str, tap: Tap) -> None:
    sent = event("certificate.issued", DATA, tenant=tenant, traceparent="x" * 200_000)
    assert (await client.call("POST", PATH, sent)).status == 202
    assert len(await tap.events(sent["id"].encode())) == 1


async def test_data_passes_through_byte_for_byte(
    api: System, http: aiohttp.ClientSession, tenant: str, tap: Tap
) -> None:
    data = '{"z": 1, "a":  12345678901234567890123, "f": 1.10, "e": 1E400, "u": "\\u00e9é\\/", "n": [ ] }'.encode()
    source_id = uuid4().hex
    body = b'{"source": "/tests", "id": "%s", "type": "custom.thing", "data":   %s}' % (source_id.encode(), data)
    status, accepted = await _send(http, api, token(tenant), body)
    assert status == 202
    [message] = await tap.events(source_id.encode())
    assert data in message.body
    stored = await api.database.events.find_one({"_id": accepted["id"]})
    assert stored is not None
    assert stored["data"].encode() == data
    headers = {"Authorization": f"Bearer {token(tenant)}"}
    async with http.get(f"{api.url}{PATH}/{accepted['id']}", headers=headers) as answer:
        assert data in await answer.read()


async def test_what_http_can_tell_may_be_left_out(client: Client, api: System, tenant: str) -> None:
    body = {"source": "/tests", "type": "certificate.issued", "data": DATA}
    answer = await client.call("POST", PATH, body, **{"Idempotency-Key": "key-1"})
    assert answer.status == 202, answer
    stored = await api.database.events.find_one({"_id": answer.body["id"]})
    assert stored is not None
    assert (stored["tenant_id"], stored["source_id"]) == (tenant, "key-1")


async def test_the_same_identity_twice_is_one_event(client: Client, api: System, tenant: str) -> None:
    sent = event("certificate.issued", DATA, tenant=tenant)
    first = await client.call("POST", PATH, sent)
    second = await client.call("POST", PATH, sent | {"data": {"certificate_id": "another"}})
    assert (first.status, first.body["duplicate"]) == (202, False)
    assert (second.status, second.body) == (202, {"id": first.body["id"], "duplicate": True})
    stored = await api.database.events.find({"tenant_id": tenant}).to_list()
    assert [json.loads(item["data"]) for item in stored] == [DATA]


async def test_a_repeat_completes_what_was_stored_but_never_published(
    client: Client, api: System, tenant: str, tap: Tap
) -> None:
    sent = event("certificate.issued", DATA, tenant=tenant)
    await client.call("POST", PATH, sent)
    await tap.events(sent["id"].encode())
    tap.messages.clear()
    await client.call("POST", PATH, sent | {"data": {"certificate_id": "another"}})
    [message] = await tap.events(sent["id"].encode())
    assert json.loads(message.body)["data"] == DATA
    await api.database.events.update_one({"tenant_id": tenant}, {"$set": {"dispatched_at": "now"}})
    tap.messages.clear()
    await client.call("POST", PATH, sent)
    marker = event("certificate.issued", DATA, tenant=tenant)
    await client.call("POST", PATH, marker)
    await tap.events(marker["id"].encode())
    assert not [message for message in tap.messages if sent["id"].encode() in message.body]


async def test_an_idempotency_key_answers_a_repeat_and_refuses_another_body(client: Client, tenant: str) -> None:
    body = {"source": "/tests", "type": "certificate.issued", "data": DATA}
    key = {"Idempotency-Key": uuid4().hex}
    answers = await asyncio.gather(*(client.call("POST", PATH, body, **key) for _ in range(5)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert [answer.body["duplicate"] for answer in answers].count(False) == 1
    refused = await client.call("POST", PATH, body | {"data": {"certificate_id": "other"}}, **key)
    assert (refused.status, refused.body["code"]) == (422, "idempotency_conflict")
    other = event("certificate.issued", DATA, tenant=tenant)
    assert (await client.call("POST", PATH, other, **key)).status == 422


async def test_a_key_is_its_callers_own(api: System) -> None:
    key = {"Idempotency-Key": "shared"}
    for tenant in (new_tenant(), new_tenant()):
        sent = event("certificate.issued", DATA, tenant=tenant)
        assert (await api.client(tenant).call("POST", PATH, sent, **key)).status == 202


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_a_key_is_short_and_plain(client: Client, tenant: str, key: str) -> None:
    sent = event("certificate.issued", DATA, tenant=tenant)
    assert (await client.call("POST", PATH, sent, **{"Idempotency-Key": key})).status == 422


async def test_a_token_of_an_organisation_publishes_for_no_other(api: System, tenant: str) -> None:
    sent = event("certificate.issued", DATA, tenant=new_tenant())
    refused = await api.client(tenant).call("POST", PATH, sent)
    assert (refused.status, refused.body["code"]) == (403, "wrong_tenant")
    assert await api.database.events.find_one({"source_id": sent["id"]}) is None


async def test_without_an_organisation_a_producer_publishes_for_itself_alone(
    api: System, http: aiohttp.ClientSession, tenant: str
) -> None:
    for org_id in (None, ""):
        bearer = token("unused", "PRODUCER", sub=tenant, org_id=org_id)
        own, others = (event("certificate.issued", DATA, tenant=owner) for owner in (tenant, f"{tenant}_2"))
        assert (await _send(http, api, bearer, json.dumps(own).encode()))[0] == 202
        status, problem = await _send(http, api, bearer, json.dumps(others).encode())
        assert (status, problem["code"]) == (403, "wrong_tenant")


@pytest.mark.parametrize("source", ["/signalpost", "/signalpost/webhooks"])
async def test_the_sources_of_signalpost_are_reserved(
    api: System, http: aiohttp.ClientSession, tenant: str, source: str
) -> None:
    sent = event("certificate.issued", DATA, tenant=tenant, source=source)
    status, problem = await _send(http, api, token(tenant), json.dumps(sent).encode())
    assert (status, problem["code"], problem["errors"][0]["field"]) == (422, "reserved_source", "source")


async def test_what_cloudevents_calls_optional_may_be_missing_and_extensions_are_shown(
    api: System, http: aiohttp.ClientSession, tenant: str
) -> None:
    sent = event("custom.thing", None, tenant=tenant, sequence="17", subject="Picture at 10.00\u202fAM")
    for name in ("time", "datacontenttype", "data"):
        del sent[name]
    status, accepted = await _send(http, api, token(tenant), json.dumps(sent).encode())
    assert status == 202
    shown = await api.client(tenant).get(f"/api/v1/events/{accepted['id']}")
    assert (shown["data"], shown["extensions"], shown["subject"]) == (None, {"sequence": "17"}, sent["subject"])


async def test_a_platforms_producer_publishes_for_any_tenant(
    api: System, http: aiohttp.ClientSession, tenant: str
) -> None:
    sent = event("certificate.issued", DATA, tenant=tenant)
    bearer = token("unused", "PLATFORM_PRODUCER", sub="wipe-backend", org_id=None)
    status, accepted = await _send(http, api, bearer, json.dumps(sent).encode())
    assert status == 202
    stored = await api.database.events.find_one({"_id": accepted["id"]})
    assert stored is not None
    assert stored["tenant_id"] == tenant


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no source": ({"source": None}, "source", "invalid_event"),
    "an empty id": ({"id": ""}, "id", "invalid_event"),
    "a number for an id": ({"id": 7}, "id", "invalid_event"),
    "another version": ({"specversion": "0.3"}, "specversion", "invalid_event"),
    "no time": ({"time": "yesterday"}, "time", "invalid_event"),
    "a time without a zone": ({"time": "2026-11-21T10:00:00"}, "time", "invalid_event"),
    "a type that is none": ({"type": "Not A Type"}, "type", "invalid_event"),
    "data that misses a field": ({"data": {}}, "data.certificate_id", "invalid_event"),
    "XML": ({"datacontenttype": "application/xml"}, "datacontenttype", "invalid_event"),
    "a line break": ({"subject": "a\nb"}, "subject", "invalid_event"),
    "one of our own types": (
        {"type": "webhook.disabled", "data": {"webhook_id": "x", "reason": "gone", "disabled_at": "now"}},
        "type",
        "reserved_event_type",
    ),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_no_valid_event_is_422_and_names_the_attribute(client: Client, tenant: str, case: str) -> None:
    changes, field, code = WRONG[case]
    answer = await client.call("POST", PATH, event("certificate.issued", DATA, tenant=tenant) | changes)
    assert (answer.status, answer.body["code"]) == (422, code)
    assert [error["field"] for error in answer.body["errors"]] == [field]


async def test_a_missing_id_is_named(client: Client) -> None:
    answer = await client.call("POST", PATH, {"source": "/x", "type": "certificate.issued", "data": DATA})
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "id")


BROKEN = [b"", b"[]", b"{", b"\xff", b'{"data": "\xff"}', b"[" * 100_000, b'{"id": "\\ud800"}']


@pytest.mark.parametrize("body", BROKEN, ids=lambda body: str(body[:20]))
async def test_no_body_breaks_the_ingest(api: System, http: aiohttp.ClientSession, tenant: str, body: bytes) -> None:
    status, problem = await _send(http, api, token(tenant), body)
    assert (status, problem["status"]) == (422, 422)


async def test_a_trace_is_continued(client: Client, api: System, tenant: str) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    sent = event("certificate.issued", DATA, tenant=tenant)
    answer = await client.call("POST", PATH, sent, traceparent=trace)
    stored = await api.database.events.find_one({"_id": answer.body["id"]})
    assert stored is not None
    assert stored["traceparent"] == trace
