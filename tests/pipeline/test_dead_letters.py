"""A delivery that ends badly is a dead letter once, with all that triage needs, and told without going in circles."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.receiver import Receiver
from tests.support.system import System, certificate, event
from tests.support.waiting import eventually


async def own_letters(system: System, tenant: str) -> list[dict[str, Any]]:
    """The headers of the tenant's letters in the webhooks' dead-letter queue."""
    letters = [letter["properties"]["headers"] for letter in await system.dead_letters("webhook")]
    return [headers for headers in letters if headers.get("tenant-id") == tenant]


async def test_a_404_is_dead_in_one_attempt_with_everything_that_triage_needs(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    url = receiver.script("/in", 404)
    webhook = await quick.client(tenant).create_webhook(f"{url}?token=hunter2#part", "certificate.*")
    envelope = certificate(tenant)
    await quick.publish(envelope)
    letter = await quick.wait_for_dead_letter("webhook", "tenant-id", tenant)
    [request] = receiver.at("/in")
    headers = letter["properties"]["headers"]
    headers.pop("x-delivery-count", None)  # RabbitMQ's, from a second look at the queue
    assert letter["payload"].encode() == request.body, "the body is what the receiver saw"
    assert headers.pop("dead-first-attempt-at") == headers.pop("dead-last-attempt-at")
    assert "404" in headers.pop("dead-detail")
    assert headers.pop("traceparent")
    assert headers.pop("not-before") >= headers.pop("accepted-at")
    assert headers.pop("delivery-id").startswith("dlv_")
    assert headers == {
        "dead-reason": "http_4xx",
        "dead-status": 404,
        "dead-attempts": 1,
        "dead-target": url,
        "event-id": request.headers["webhook-id"],
        "event-type": "certificate.issued",
        "tenant-id": tenant,
        "subscription-id": webhook["id"],
        "attempt": 1,
    }


async def event_types(system: System, tenant: str) -> list[str]:
    """The types of the tenant's events that were dispatched."""
    return [item["type"] for item in await system.database.events.find({"tenant_id": tenant}).to_list()]


@pytest.mark.parametrize("status", [400, 401, 403, 408, 409, 422, 451])
async def test_a_4xx_is_not_retried(quick: System, receiver: Receiver, tenant: str, status: int) -> None:
    await quick.client(tenant).create_webhook(receiver.script("/", status), "certificate.*")
    await quick.publish(certificate(tenant))
    [delivery] = await quick.wait_for_states(tenant, "dead")
    assert (delivery["reason"], delivery["attempts_made"]) == ("http_4xx", 1)


async def test_an_exhausted_delivery_is_one_letter_with_first_and_last_attempt(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    await quick.client(tenant).create_webhook(receiver.script("/", 503), "certificate.*")
    await quick.publish(certificate(tenant))
    await quick.wait_for_dead_letter("webhook", "tenant-id", tenant)
    [headers] = await own_letters(quick, tenant)
    assert (headers["dead-reason"], headers["dead-status"]) == ("retries_exhausted", 503)
    assert headers["dead-attempts"] == headers["attempt"] == len(receiver.at("/")) == 4
    assert headers["dead-first-attempt-at"] < headers["dead-last-attempt-at"]


async def test_a_dead_letter_is_told_to_who_asked_and_its_own_death_to_nobody(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    client = quick.client(tenant)
    await client.create_webhook(receiver.script("/fails", 404), "certificate.*")
    await client.create_webhook(receiver.url("/listens"), "delivery.*")
    await client.create_webhook(receiver.script("/listens-and-fails", 404), "delivery.dead_lettered")
    await quick.publish(certificate(tenant))
    deliveries = await quick.wait_for_states(tenant, "dead", "dead", "delivered")
    await eventually(lambda: own_letters(quick, tenant), until=lambda letters: len(letters) == 2)
    [told] = receiver.at("/listens")
    [dead] = [delivery for delivery in deliveries if delivery["event_type"] == "certificate.issued"]
    data = json.loads(told.body)["data"]
    assert (data["delivery_id"], data["reason"], data["status"]) == (dead["_id"], "http_4xx", 404)
    # Whatever the second death had led to would have been published before its letter, and so before this.
    await quick.publish(event("signer.created", {"signer_id": "s_1"}, tenant=tenant))
    seen = await eventually(lambda: event_types(quick, tenant), until=lambda types: "signer.created" in types)
    assert sorted(seen) == ["certificate.issued", "delivery.dead_lettered", "signer.created"]


async def test_a_forbidden_address_gets_no_connection_at_all(quick: System, receiver: Receiver, tenant: str) -> None:
    connections: list[object] = []

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer.get_extra_info("peername"))
        writer.close()

    async with await asyncio.start_server(count, "::1", 0) as server:  # only 127.0.0.0/8 is allowed here
        port = server.sockets[0].getsockname()[1]
        forbidden = f"http://[::1]:{port}/in"
        client = quick.client(tenant)
        refused = await client.call("POST", "/api/v1/webhooks", {"url": forbidden, "events": ["*"]})
        assert refused.status == 422
        webhook = await client.create_webhook(receiver.url("/"), "certificate.*")
        # As if the policy had been wider when the webhook was made.
        await quick.database.subscriptions.update_one({"_id": webhook["id"]}, {"$set": {"url": forbidden}})
        await quick.publish(certificate(tenant))
        letter = await quick.wait_for_dead_letter("webhook", "tenant-id", tenant)
    assert letter["properties"]["headers"]["dead-reason"] == "url_refused"
    assert connections == []
