"""What is no valid event is parked, the field at fault named; a type that nobody catalogued is delivered anyway."""

import json
from typing import Any
from uuid import uuid4

import pytest

from shared.model.event import encode_event
from shared.process.clock import utc_now
from shared.storage.events import event_from
from tests.support.receiver import Receiver
from tests.support.system import System, certificate, event
from tests.support.waiting import eventually

CERTIFICATE = {"certificate_id": "cert_42"}


async def parked(system: System, envelope: dict[str, Any], routing_key: str) -> dict[str, Any]:
    """Publish an event and return the headers under which it was parked."""
    probe = uuid4().hex
    await system.publish_raw(json.dumps(envelope).encode(), routing_key=routing_key, headers={"probe": probe})
    letter = await system.wait_for_dead_letter("event", "probe", probe)
    assert json.loads(letter["payload"]) == envelope
    assert letter["properties"]["content_type"] == "application/cloudevents+json"
    headers = letter["properties"]["headers"]
    assert isinstance(headers, dict)
    return headers


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "tenantid", "data"])
async def test_an_event_without_a_required_attribute_is_parked_and_the_attribute_named(
    system: System, tenant: str, name: str
) -> None:
    envelope = certificate(tenant)
    del envelope[name]
    headers = await parked(system, envelope, "certificate.issued")
    assert headers["dead-reason"] == "invalid_event"
    assert name in headers["dead-detail"]


@pytest.mark.parametrize(
    ("type_", "data", "field"),
    [
        ("certificate.issued", {}, "certificate_id"),
        ("certificate.issued", {"certificate_id": 42}, "certificate_id"),
        ("certificate.issued", [], "data"),
        ("certificate.issued", None, "data"),
        ("user.invited", {"email": "not an address", "accept_url": "https://x.example.com"}, "email"),
        ("user.invited", {"email": "a@example.com\nBcc: b@example.com", "accept_url": "https://e.com"}, "email"),
        ("user.invited", {"email": "ada@example.com", "accept_url": "javascript:alert(1)"}, "accept_url"),
    ],
)
async def test_data_that_fails_its_schema_is_parked_and_the_field_named(
    system: System, tenant: str, type_: str, data: object, field: str
) -> None:
    headers = await parked(system, event(type_, data, tenant=tenant), type_)
    assert headers["dead-reason"] == "invalid_event"
    assert field in headers["dead-detail"]


async def test_a_type_that_differs_from_the_routing_key_is_parked(system: System, tenant: str) -> None:
    headers = await parked(system, certificate(tenant), "signer.created")
    assert headers["dead-reason"] == "invalid_event"
    assert "certificate.issued" in headers["dead-detail"]
    assert "signer.created" in headers["dead-detail"]


@pytest.mark.parametrize("type_", ["Certificate.Issued", "certificate..issued", "*", "a.#", "x" * 129, "a b", "é"])
async def test_a_type_that_no_pattern_could_name_is_parked(system: System, tenant: str, type_: str) -> None:
    headers = await parked(system, event(type_, CERTIFICATE, tenant=tenant), type_)
    assert headers["dead-reason"] == "invalid_event"
    assert "type" in headers["dead-detail"]


async def test_an_event_of_an_unknown_type_reaches_wildcard_subscribers_and_is_marked(
    system: System, receiver: Receiver, tenant: str
) -> None:
    client = system.client(tenant)
    await client.create_webhook(receiver.url("/all"), "*")
    await client.create_webhook(receiver.url("/signer"), "signer.*")
    for type_ in ("certificate.issued", "new.thing"):
        await system.publish(event(type_, CERTIFICATE, tenant=tenant))
    await receiver.wait_for("/all", 2)
    stored = await system.database.events.find({"tenant_id": tenant}).to_list()
    assert {item["type"]: item["uncatalogued"] for item in stored} == {"certificate.issued": False, "new.thing": True}
    assert receiver.at("/signer") == []


async def test_one_bad_event_among_a_hundred_good_ones_stops_none_of_them(
    system: System, receiver: Receiver, tenant: str
) -> None:
    await system.client(tenant).create_webhook(receiver.url("/"))
    for number in range(100):
        await system.publish(certificate(tenant, id=str(number)))
        if number == 50:
            await system.publish_raw(b"garbage", routing_key="certificate.issued")
    await receiver.wait_for("/", 100)


async def test_a_stored_event_that_is_parked_is_not_published_again(system: System, tenant: str) -> None:
    """As when the API's catalogue accepts what the dispatcher's does not."""
    accepted = await system.client(tenant).call(
        "POST", "/api/v1/events", {"type": "custom.thing", "source": "/tests", "id": uuid4().hex, "data": {}}
    )
    event_id = accepted.body["id"]
    stored = {"_id": event_id}
    await eventually(
        lambda: system.database.events.find_one(stored), until=lambda found: bool(found and found["dispatched_at"])
    )
    change = {"type": "certificate.issued", "dispatched_at": None, "pending_since": utc_now()}
    found = await system.database.events.find_one_and_update(stored, {"$set": change}, return_document=True)
    assert found is not None
    await parked(system, json.loads(encode_event(event_from(found).event)), "certificate.issued")
    await eventually(
        lambda: system.database.events.find_one(stored),
        until=lambda found: bool(found and "pending_since" not in found and found["dispatched_at"] is None),
    )


async def test_an_event_without_its_optional_attributes_is_dispatched(system: System, tenant: str) -> None:
    envelope = certificate(tenant)
    for name in ("time", "datacontenttype"):
        del envelope[name]
    await system.publish(envelope)
    await eventually(lambda: system.database.events.count_documents({"tenant_id": tenant}))


@pytest.mark.parametrize("source", ["/signalpost", "/signalpost/dead-letters"])
async def test_an_event_that_poses_as_our_own_is_dead_lettered(system: System, tenant: str, source: str) -> None:
    headers = await parked(system, certificate(tenant) | {"source": source}, "certificate.issued")
    assert headers["dead-reason"] == "invalid_event"
    assert "source" in headers["dead-detail"]
