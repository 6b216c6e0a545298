"""An event reaches everybody who asked for it before it was published, once, and nobody else."""

import asyncio
import json

import pytest

from shared.model.topology import EVENTS
from tests.support.receiver import Receiver
from tests.support.system import System, certificate, event, new_tenant
from tests.support.values import TRACE_ID, TRACEPARENT


async def test_a_webhook_created_just_before_the_event_gets_it_two_hundred_times_out_of_two_hundred(
    quick: System, receiver: Receiver
) -> None:
    at_once = asyncio.Semaphore(8)

    async def create_and_publish(number: int) -> None:
        tenant = new_tenant()
        async with at_once:
            await quick.client(tenant).create_webhook(receiver.url(f"/{number}"))
            await quick.publish(certificate(tenant))

    await asyncio.gather(*(create_and_publish(number) for number in range(200)))
    for number in range(200):
        assert len(await receiver.wait_for(f"/{number}")) == 1


async def test_the_same_event_fifty_times_in_parallel_is_delivered_once_to_each_subscription(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    client = quick.client(tenant)
    for path in ("/a", "/b"):
        await client.create_webhook(receiver.url(path))
    envelope = certificate(tenant)
    await asyncio.gather(*(quick.publish(envelope) for _ in range(50)))
    await quick.wait_for_states(tenant, "delivered", "delivered")
    await quick.publish(envelope)
    await quick.publish(certificate(tenant))
    await quick.wait_for_states(tenant, *["delivered"] * 4)
    ids = {path: [request.headers["webhook-id"] for request in receiver.at(path)] for path in ("/a", "/b")}
    assert all(len(seen) == len(set(seen)) == 2 for seen in ids.values()), ids


async def test_the_same_id_from_another_source_or_tenant_is_another_event(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    await quick.client(tenant).create_webhook(receiver.url("/"))
    stranger = new_tenant()
    await quick.client(stranger).create_webhook(receiver.url("/stranger"))
    envelope = certificate(tenant)
    for variant in (envelope, envelope | {"source": "/other"}, envelope | {"tenantid": stranger}):
        await quick.publish(variant)
    await receiver.wait_for("/", 2)
    await receiver.wait_for("/stranger", 1)


async def test_the_first_of_two_events_with_one_identity_counts(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    await quick.client(tenant).create_webhook(receiver.url("/"))
    first = certificate(tenant, "first")
    await quick.publish(first)
    await quick.wait_for_states(tenant, "delivered")
    await quick.publish(first | {"data": {"certificate_id": "second"}})
    await quick.publish(certificate(tenant, "third"))
    await quick.wait_for_states(tenant, "delivered", "delivered")
    seen = {json.loads(request.body)["data"]["certificate_id"] for request in receiver.at("/")}
    assert seen == {"first", "third"}


async def test_events_go_to_matching_patterns_of_their_own_tenant_only(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    client = quick.client(tenant)
    wanted = {"/exact": "signer.created", "/prefix": "signer.*", "/everything": "*"}
    unwanted = {"/other": "signer.updated", "/deeper": "billing.*"}
    for path, pattern in (wanted | unwanted).items():
        await client.create_webhook(receiver.url(path), pattern)
    await quick.client(new_tenant()).create_webhook(receiver.url("/foreign"), "*")
    await quick.publish(event("signer.created", {"signer_id": "s_1"}, tenant=tenant))
    await quick.wait_for_states(tenant, *["delivered"] * len(wanted))
    assert {request.path for request in receiver.requests} == set(wanted)


@pytest.mark.parametrize("carrier", ["header", "attribute"])
async def test_the_trace_of_the_producer_reaches_the_receiver(
    quick: System, receiver: Receiver, tenant: str, carrier: str
) -> None:
    await quick.client(tenant).create_webhook(receiver.script("/", 500, 200))
    envelope = certificate(tenant)
    if carrier == "attribute":
        await quick.publish(envelope | {"traceparent": TRACEPARENT})
    else:
        body = json.dumps(envelope).encode()
        headers = {"traceparent": TRACEPARENT}
        await quick.publish_raw(body, routing_key="certificate.issued", exchange=EVENTS, headers=headers)
    spans = [request.headers["traceparent"] for request in await receiver.wait_for("/", 2)]
    assert {span.split("-")[1] for span in spans} == {TRACE_ID}
    assert len({*spans, TRACEPARENT}) == 3, "each attempt is a span of its own"


@pytest.mark.parametrize(
    "broken", ["", "00-0", TRACEPARENT.upper(), TRACEPARENT.replace(TRACE_ID, "0" * 32), "ff" * 27]
)
async def test_a_broken_trace_context_is_replaced_and_does_not_stop_the_event(
    quick: System, receiver: Receiver, tenant: str, broken: str
) -> None:
    await quick.client(tenant).create_webhook(receiver.url("/"))
    body = json.dumps(certificate(tenant)).encode()
    await quick.publish_raw(body, routing_key="certificate.issued", headers={"traceparent": broken})
    [request] = await receiver.wait_for("/")
    version, trace_id, span_id, flags = request.headers["traceparent"].split("-")
    assert (version, len(trace_id), len(span_id), len(flags)) == ("00", 32, 16, 2)
    assert trace_id != "0" * 32
