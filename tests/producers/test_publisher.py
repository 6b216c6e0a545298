"""What `EventPublisher` promises: confirmed events are on the queue, and every other end says what to do about it."""

import asyncio
import json
from dataclasses import replace

import pytest

from deploy.local.ports import free_port
from shared.model.event import EVENT_CONTENT_TYPE, Event
from shared.model.topology import topology
from signalpost import events
from signalpost.amqp.publisher import MAX_IN_FLIGHT
from signalpost.producer import (
    BufferFull,
    EventPublisher,
    InvalidEvent,
    Misconfigured,
    PublishTimeout,
    TryAgain,
    Unpublished,
)
from tests.producers.virtual_host import VirtualHost

PERSISTENT = 2


def _publisher(url: str, *, buffer: int = 1000) -> EventPublisher:
    return EventPublisher(url, source="/wipe/backend", name="tests", buffer=buffer)


def _event() -> Unpublished:
    return events.CertificateIssued(tenant="org_1", certificate_id="cert_42")


async def test_a_published_event_is_a_persistent_message_routed_by_its_type(vhost: VirtualHost) -> None:
    async with _publisher(vhost.url) as publisher:
        published = await publisher.publish(_event())
    [message] = await vhost.take()
    assert message["routing_key"] == "certificate.issued"
    assert message["properties"]["delivery_mode"] == PERSISTENT
    assert message["properties"]["content_type"] == EVENT_CONTENT_TYPE
    assert message["properties"]["headers"]["traceparent"] == published.traceparent
    body = json.loads(message["payload"])
    assert (body["source"], body["tenantid"], body["subject"]) == ("/wipe/backend", "org_1", "certificates/cert_42")
    assert body["data"] == {"certificate_id": "cert_42"}


async def test_a_producer_needs_no_right_but_to_write_to_the_exchange(vhost: VirtualHost) -> None:
    async with _publisher(await vhost.user(write="^events$")) as publisher:
        published = await publisher.publish(_event())
    assert await vhost.take_ids() == [published.source_id]


async def test_a_missing_exchange_is_an_error_at_once_and_not_an_outage(empty_vhost: VirtualHost) -> None:
    async with _publisher(empty_vhost.url) as publisher:
        with pytest.raises(Misconfigured, match="no exchange 'events'"):
            await publisher.publish(_event())
        await empty_vhost.declare()
        await publisher.publish(_event())


async def test_an_event_that_no_queue_takes_is_an_error_and_not_lost(empty_vhost: VirtualHost) -> None:
    await empty_vhost.declare(replace(topology(), queues=(), bindings=()))
    async with _publisher(empty_vhost.url) as publisher:
        with pytest.raises(Misconfigured, match="no queue is bound to 'events'"):
            await publisher.publish(_event())


async def test_a_missing_right_is_an_error(vhost: VirtualHost) -> None:
    async with _publisher(await vhost.user(write="^something-else$")) as publisher:
        with pytest.raises(Misconfigured, match="access to exchange 'events'"):
            await publisher.publish(_event())


async def test_a_refused_login_is_an_error(vhost: VirtualHost) -> None:
    async with _publisher(vhost.url.replace(vhost.broker.password, "wrong")) as publisher:
        with pytest.raises(Misconfigured, match="ACCESS_REFUSED"):
            await publisher.publish(_event())


async def test_an_unknown_virtual_host_is_an_error(vhost: VirtualHost) -> None:
    async with _publisher(f"{vhost.url}-misspelt") as publisher:
        with pytest.raises(Misconfigured, match="refused the virtual host"):
            await publisher.publish(_event())


async def test_a_type_that_the_user_may_not_publish_harms_no_other_in_flight(vhost: VirtualHost) -> None:
    allowed = [_event() for _ in range(20)]
    forbidden = [events.SignerCreated(tenant="org_1", signer_id="signer_7") for _ in range(3)]
    async with _publisher(await vhost.user(write="^events$", topics="^certificate")) as publisher:
        outcomes = await asyncio.gather(
            *(publisher.publish(event) for event in [*allowed[:10], *forbidden, *allowed[10:]]),
            return_exceptions=True,
        )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Misconfigured)]
    published = [outcome.source_id for outcome in outcomes if isinstance(outcome, Event)]
    assert len(refused) == len(forbidden)
    assert published == [event.id for event in allowed]
    assert set(await vhost.take_ids()) == set(published)


async def test_an_invalid_event_is_refused_without_a_broker() -> None:
    async with _publisher(f"amqp://127.0.0.1:{free_port()}") as publisher:
        with pytest.raises(InvalidEvent, match=r"proof.failed: data\.proof_id"):
            await publisher.publish(events.ProofFailed(tenant="org_1", proof_id=""))


async def test_a_frozen_broker_fills_the_buffer_and_then_further_events_are_refused_at_once(
    vhost: VirtualHost,
) -> None:
    waiting = [_event() for _ in range(10)]
    async with _publisher(vhost.url, buffer=len(waiting) + 1) as publisher:
        await publisher.publish(_event())
        await vhost.broker.pause()
        try:
            publishing = [asyncio.create_task(publisher.publish(event, timeout=120)) for event in waiting]
            with pytest.raises(PublishTimeout, match="with the same id, again"):
                await publisher.publish(_event(), timeout=0.2)
            publishing.append(asyncio.create_task(publisher.publish(_event(), timeout=120)))
            await asyncio.sleep(0)
            with pytest.raises(BufferFull, match="11 events wait"):
                await publisher.publish(_event())
        finally:
            await vhost.broker.resume()
        confirmed = [event.source_id for event in await asyncio.gather(*publishing)]
        await publisher.publish(_event())
    assert set(confirmed) <= set(await vhost.take_ids())


async def test_events_that_their_producers_gave_up_do_not_pile_up_in_front_of_a_frozen_broker(
    vhost: VirtualHost,
) -> None:
    batches = [[_event() for _ in range(750)] for _ in range(4)]
    async with _publisher(vhost.url) as publisher:
        first = await publisher.publish(_event())
        await vhost.broker.pause()
        try:
            for batch in batches:
                outcomes = await asyncio.gather(
                    *(publisher.publish(event, timeout=1) for event in batch), return_exceptions=True
                )
                assert all(isinstance(outcome, TryAgain) for outcome in outcomes)
        finally:
            await vhost.broker.resume()
        last = await publisher.publish(_event())
    ids = await vhost.take_ids()
    assert {first.source_id, last.source_id} <= set(ids)
    assert len(ids) <= MAX_IN_FLIGHT + len(batches[0]) + 2  # a batch that begins below the bound is written whole


async def test_an_event_waits_while_a_memory_alarm_blocks_the_broker(vhost: VirtualHost) -> None:
    async with _publisher(vhost.url) as publisher:
        await publisher.publish(_event())
        await vhost.broker.ctl("set_vm_memory_high_watermark", "0.000001")
        try:
            with pytest.raises(PublishTimeout, match="broker is blocked by a memory or disk alarm"):
                await publisher.publish(_event(), timeout=0.5)
            waiting = asyncio.create_task(publisher.publish(_event(), timeout=120))
        finally:
            await vhost.broker.ctl("set_vm_memory_high_watermark", "0.6")
        published = await waiting
    assert published.source_id in await vhost.take_ids()


async def test_closing_waits_for_the_events_in_hand_and_takes_no_more(vhost: VirtualHost) -> None:
    publisher = _publisher(vhost.url)
    publishing = [asyncio.create_task(publisher.publish(_event())) for _ in range(50)]
    await asyncio.sleep(0)
    await publisher.aclose()
    confirmed = [event.source_id for event in await asyncio.gather(*publishing)]
    assert await vhost.take_ids() == confirmed
    with pytest.raises(RuntimeError, match="closed"):
        await publisher.publish(_event())
