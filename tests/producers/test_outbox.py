"""Committed means published: what an outbox and its relays promise, on a real replica set and a real broker."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.mongodb import MongoDB
from deploy.local.run_directory import RunDirectory
from deploy.local.stack import Stack
from signalpost import events
from signalpost.events import TypedEvent
from signalpost.outbox import Outbox, OutboxRelay
from signalpost.producer import EventPublisher, InvalidEvent
from tests.producers.virtual_host import VirtualHost
from tests.support.receiver import Receiver
from tests.support.system import System
from tests.support.waiting import eventually

SOURCE = "/wipe/backend"
REPOSITORY = Path(__file__).parents[2]

Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    """The producer's own database."""
    async with AsyncMongoClient[dict[str, Any]](stack.environment()["MONGODB_URL"]) as client:
        name = f"producer-{uuid4().hex[:8]}"
        yield client[name]
        await client.drop_database(name)


@pytest.fixture
async def outbox(database: Database) -> Outbox:
    """Its outbox."""
    outbox = Outbox(database, source=SOURCE)
    await outbox.ensure_indexes()
    return outbox


@pytest.fixture
async def publisher(vhost: VirtualHost) -> AsyncIterator[EventPublisher]:
    """A publisher to a broker without dispatcher, so that what is published stays to be seen."""
    async with EventPublisher(vhost.url, source=SOURCE) as publisher:
        yield publisher


def _certificate(number: int = 42, *, tenant: str = "org_1") -> TypedEvent:
    return events.CertificateIssued(tenant=tenant, certificate_id=f"cert_{number}")


async def _issue(database: Database, outbox: Outbox, *issued: TypedEvent, fail: bool = False) -> None:
    """What a producer does: business data and events in one transaction."""
    async with database.client.start_session() as session, await session.start_transaction():
        for event in issued:
            await database["certificates"].insert_one(dict(event.data), session=session)
            await outbox.add(event, session=session)
        if fail:
            raise RuntimeError("the business said no")


async def _rows(database: Database) -> list[dict[str, Any]]:
    return await database["event_outbox"].find().to_list()


async def test_what_is_committed_is_published_in_order_and_then_forgotten(
    database: Database, outbox: Outbox, publisher: EventPublisher, vhost: VirtualHost
) -> None:
    certificates = [_certificate(number) for number in range(30)]
    for certificate in certificates:
        await _issue(database, outbox, certificate)
    assert await OutboxRelay(outbox, publisher).relay_batch() == len(certificates)
    assert await vhost.take_ids() == [certificate.id for certificate in certificates]
    assert await _rows(database) == []


async def test_what_is_aborted_is_never_published(
    database: Database, outbox: Outbox, publisher: EventPublisher, vhost: VirtualHost
) -> None:
    with pytest.raises(RuntimeError, match="the business said no"):
        await _issue(database, outbox, _certificate(), fail=True)
    assert await OutboxRelay(outbox, publisher).relay_batch() == 0
    assert await vhost.take_ids() == []
    assert await database["certificates"].count_documents({}) == 0


async def test_an_event_is_kept_only_within_a_transaction(database: Database, outbox: Outbox) -> None:
    async with database.client.start_session() as session:
        with pytest.raises(ValueError, match="within a transaction"):
            await outbox.add(_certificate(), session=session)


async def test_an_invalid_event_stops_the_transaction_that_wanted_it(database: Database, outbox: Outbox) -> None:
    with pytest.raises(InvalidEvent, match=r"data\.proof_id"):
        await _issue(database, outbox, _certificate(), events.ProofFailed(tenant="org_1", proof_id=""))
    assert await _rows(database) == []
    assert await database["certificates"].count_documents({}) == 0


async def test_an_event_that_can_never_be_published_is_set_aside_with_its_reason_and_blocks_no_other(
    database: Database, outbox: Outbox, publisher: EventPublisher, vhost: VirtualHost
) -> None:
    await _issue(database, outbox, _certificate(1))
    await database["event_outbox"].update_one({}, {"$set": {"body": '{"specversion": "1.0"}'}})
    good = _certificate(2)
    await _issue(database, outbox, good)
    relay = OutboxRelay(outbox, publisher)
    await relay.relay_batch()
    assert await vhost.take_ids() == [good.id]
    [parked] = await _rows(database)
    assert "not a CloudEvents 1.0 event" in parked["parked_reason"]
    assert await relay.relay_batch() == 0


async def test_a_broker_that_refuses_the_producer_leaves_events_in_the_outbox_until_it_is_corrected(
    database: Database, outbox: Outbox, empty_vhost: VirtualHost
) -> None:
    certificate = _certificate()
    await _issue(database, outbox, certificate)
    async with EventPublisher(empty_vhost.url, source=SOURCE) as publisher:
        relay = OutboxRelay(outbox, publisher)
        await relay.relay_batch()
        [row] = await _rows(database)
        assert "no exchange 'events'" in row["last_error"]
        await empty_vhost.declare()
        await eventually(relay.relay_batch)
    assert await empty_vhost.take_ids() == [certificate.id]
    assert await _rows(database) == []


async def test_two_relays_share_the_work_and_publish_nothing_twice(
    database: Database, outbox: Outbox, vhost: VirtualHost
) -> None:
    certificates = [_certificate(number) for number in range(300)]
    await _issue(database, outbox, *certificates)

    async def is_empty() -> bool:
        return not await _rows(database)

    async with (
        EventPublisher(vhost.url, source=SOURCE) as one,
        EventPublisher(vhost.url, source=SOURCE) as other,
    ):
        relays = [OutboxRelay(outbox, publisher, batch=7) for publisher in (one, other)]
        running = [asyncio.create_task(relay.run()) for relay in relays]
        await eventually(is_empty)
        for relay in relays:
            relay.stop()
        await asyncio.gather(*running)
    assert sorted(await vhost.take_ids()) == sorted(certificate.id for certificate in certificates)


async def test_a_relay_waits_out_an_absent_database(publisher: EventPublisher, vhost: VirtualHost) -> None:
    directory = RunDirectory.create("producers")
    server = MongoDB(directory)
    try:
        await server.start()
        async with AsyncMongoClient[dict[str, Any]](server.url) as client:
            database = client["producer"]
            outbox = Outbox(database, source=SOURCE)
            await outbox.ensure_indexes()
            relay = OutboxRelay(outbox, publisher, poll=0.05)
            running = asyncio.create_task(relay.run())
            await server.kill()
            await server.start()
            certificate = _certificate()
            await _issue(database, outbox, certificate)
            assert await eventually(vhost.take_ids) == [certificate.id]
            relay.stop()
            await running
    finally:
        await server.close()
        directory.delete()


async def test_a_relay_killed_between_publish_and_removal_costs_a_duplicate_that_is_delivered_once(
    database: Database, outbox: Outbox, system: System, receiver: Receiver, tenant: str
) -> None:
    await system.client(tenant).create_webhook(receiver.url("/hook"), "certificate.issued")
    await _issue(database, outbox, _certificate(1, tenant=tenant))
    await _publish_and_die(system, database)
    [row] = await _rows(database)
    assert row["attempts"] == 1

    async with EventPublisher(system.environment["AMQP_URL"], source=SOURCE) as publisher:
        relay = OutboxRelay(outbox, publisher)
        await eventually(relay.relay_batch)  # once the dead relay's lease is over
        assert await _rows(database) == []
        last = await publisher.publish(_certificate(2, tenant=tenant))

    async def is_dispatched() -> object:
        return await system.database.events.find_one({"_id": last.id, "dispatched_at": {"$ne": None}})

    await eventually(is_dispatched)
    await system.wait_for_states(tenant, "delivered", "delivered")
    assert len(receiver.at("/hook")) == 2


async def _publish_and_die(system: System, database: Database) -> None:
    """Run a relay that publishes, and kill it before it removes anything."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.producers.relay_that_hangs"),
        *(system.environment["AMQP_URL"], system.environment["MONGODB_URL"], database.name),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            assert b"published" in await process.stdout.readline()
    finally:
        process.kill()
        await process.wait()
