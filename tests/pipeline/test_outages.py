"""Whatever dies under load, nothing is lost, nobody is charged for it, and nobody has to restart anything.

These tests end servers, so they have a stack of their own.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from deploy.local.program import Server
from deploy.local.stack import Stack
from tests.support.receiver import Receiver
from tests.support.system import SERVICES, System, certificate, running_system
from tests.support.waiting import eventually, eventually_here
from tests.telemetry.scrape import Counting

OUTAGE = float(os.environ.get("OUTAGE_SECONDS", "8"))
"""Seconds of each outage, or as many as it takes until every process has noticed; OUTAGE_SECONDS=60 asks for more."""
PATHS = ("/a", "/b")
SETTINGS = {"NOTIFICATION_RETRY_SCHEDULE": "100ms,200ms,300ms", "NOTIFICATION_RECONCILE_AFTER": "3s"}


@pytest.fixture(scope="module")
async def own() -> AsyncIterator[System]:
    """A system on servers that nobody else uses."""
    async with Stack("outages") as servers, running_system(servers, **SETTINGS) as running:
        yield running


@pytest.fixture
async def webhooks(own: System, receiver: Receiver, tenant: str) -> list[dict[str, Any]]:
    """One webhook of the tenant for each path."""
    return [await own.client(tenant).create_webhook(receiver.url(path), "certificate.*") for path in PATHS]


class Load:
    """Publishes events for a tenant, some thirty each second, until it is stopped."""

    def __init__(self, system: System, tenant: str) -> None:
        self.published = 0
        self._system, self._tenant = system, tenant
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        while not self._stopping.is_set():
            await self._system.publish(certificate(self._tenant))
            self.published += 1
            await asyncio.sleep(0.03)

    def stop(self) -> None:
        self._stopping.set()


@asynccontextmanager
async def load_on(system: System, receiver: Receiver, tenant: str) -> AsyncIterator[Load]:
    """Keep up a load, which has begun to arrive when the block begins and ends some time after the block."""
    load = Load(system, tenant)
    running = asyncio.create_task(load.run())
    try:
        await receiver.wait_for(PATHS[0], 20)
        yield load
        already = load.published
        await eventually_here(lambda: load.published, until=lambda published: published >= already + 20, within=60)
    finally:
        load.stop()
        await running


async def statuses(system: System, check: str) -> dict[str, int]:
    """What each process answers to a health check."""
    async with aiohttp.ClientSession() as session:
        found = {}
        for name in SERVICES:
            async with session.get(f"{system.services[name].url}/health/{check}") as answer:
                found[name] = answer.status
        return found


async def wait_for_readiness(system: System, status: int) -> None:
    """Wait until every process reports this, and see that none of them calls for a restart."""
    await eventually(lambda: statuses(system, "ready"), until=lambda seen: set(seen.values()) == {status}, within=60)
    assert set((await statuses(system, "live")).values()) == {200}


@asynccontextmanager
async def outage(
    system: System, end: Callable[[], Awaitable[None]], begin_again: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """Take a server away for a while."""
    over = asyncio.get_running_loop().time() + OUTAGE
    pids = {name: system.services[name].pid for name in SERVICES}
    await end()
    try:
        await wait_for_readiness(system, 503)
        await asyncio.sleep(over - asyncio.get_running_loop().time())
        yield
    finally:
        await begin_again()
    await wait_for_readiness(system, 200)
    assert pids == {name: system.services[name].pid for name in SERVICES}, "nobody was restarted"


async def wait_until_delivered(system: System, tenant: str, count: int) -> list[dict[str, Any]]:
    """Wait until so many deliveries exist and all are delivered; return them."""

    async def look() -> dict[str, int]:
        groups: list[dict[str, Any]] = [
            {"$match": {"tenant_id": tenant}},
            {"$group": {"_id": "$state", "n": {"$sum": 1}}},
        ]
        cursor = await system.database.deliveries.aggregate(groups)
        return {group["_id"]: group["n"] for group in await cursor.to_list()}

    await eventually(look, until=lambda seen: seen == {"delivered": count}, within=60 + OUTAGE)
    return await system.deliveries(tenant)


async def assert_nobody_was_charged(system: System, tenant: str) -> None:
    webhooks = await system.database.subscriptions.find({"tenant_id": tenant}).to_list()
    assert {(webhook["enabled"], webhook["consecutive_failures"]) for webhook in webhooks} == {(True, 0)}
    letters = [letter for key in ("webhook", "email", "event") for letter in await system.dead_letters(key)]
    assert [letter for letter in letters if letter["properties"]["headers"].get("tenant-id") in {tenant, None}] == []


def assert_numbered_without_gaps(deliveries: list[dict[str, Any]]) -> None:
    for delivery in deliveries:
        numbers = [attempt["number"] for attempt in delivery["attempts"]]
        assert numbers == list(range(1, len(numbers) + 1)), delivery
        assert delivery["attempts_made"] == len(numbers)


def received_ids(receiver: Receiver, path: str) -> list[str]:
    return [request.headers["webhook-id"] for request in receiver.at(path)]


@pytest.mark.parametrize("server", ["mongodb", "rabbitmq"])
async def test_idle_processes_notice_that_a_server_is_away_and_that_it_is_back(own: System, server: str) -> None:
    machine: Server | None = getattr(own.stack, server)
    assert machine is not None
    await wait_for_readiness(own, 200)
    await machine.kill()
    try:
        await wait_for_readiness(own, 503)
    finally:
        await machine.start()
    await wait_for_readiness(own, 200)


@pytest.mark.parametrize("fault", ["paused", "killed"])
async def test_without_mongodb_everything_is_held_and_delivered_once_it_is_back(
    own: System, receiver: Receiver, tenant: str, webhooks: list[dict[str, Any]], fault: str
) -> None:
    mongodb = own.stack.mongodb
    assert mongodb is not None
    end, begin_again = (mongodb.pause, mongodb.resume) if fault == "paused" else (mongodb.kill, mongodb.start)
    webhook = await Counting.of(own, "webhook")
    async with load_on(own, receiver, tenant) as load, outage(own, end, begin_again):
        pass
    await webhook.until("reconnects_total", 1, server="database")
    deliveries = await wait_until_delivered(own, tenant, load.published * len(PATHS))
    assert {attempt["error"] for delivery in deliveries for attempt in delivery["attempts"]} == {None}
    assert_numbered_without_gaps(deliveries)
    await assert_nobody_was_charged(own, tenant)


async def test_without_rabbitmq_everything_is_held_and_delivered_once_it_is_back(
    own: System, receiver: Receiver, tenant: str, webhooks: list[dict[str, Any]]
) -> None:
    rabbitmq = own.stack.rabbitmq
    assert rabbitmq is not None
    async with load_on(own, receiver, tenant) as load, outage(own, rabbitmq.kill, rabbitmq.start):
        pass
    deliveries = await wait_until_delivered(own, tenant, load.published * len(PATHS))
    assert {attempt["error"] for delivery in deliveries for attempt in delivery["attempts"]} == {None}
    assert_numbered_without_gaps(deliveries)
    await assert_nobody_was_charged(own, tenant)
    assert rabbitmq.password not in own.logs()


async def test_a_killed_consumer_loses_nothing(
    own: System, receiver: Receiver, tenant: str, webhooks: list[dict[str, Any]]
) -> None:
    async with load_on(own, receiver, tenant) as load:
        for _ in range(2):
            await own.services["webhook"].kill()
            await own.services["webhook"].start()
            await receiver.wait_for(PATHS[0], len(receiver.at(PATHS[0])) + 20)
    deliveries = await wait_until_delivered(own, tenant, load.published * len(PATHS))
    assert_numbered_without_gaps(deliveries)
    for path in PATHS:
        assert len(set(received_ids(receiver, path))) == load.published
    await assert_nobody_was_charged(own, tenant)


async def test_a_killed_dispatcher_loses_nothing_and_doubles_nothing(
    own: System, receiver: Receiver, tenant: str, webhooks: list[dict[str, Any]]
) -> None:
    async with load_on(own, receiver, tenant) as load:
        await own.services["dispatcher"].kill()
        await own.services["dispatcher"].start()
    deliveries = await wait_until_delivered(own, tenant, load.published * len(PATHS))
    assert {delivery["attempts_made"] for delivery in deliveries} == {1}
    for path in PATHS:
        assert len(set(received_ids(receiver, path))) == load.published


async def test_a_terminated_consumer_finishes_what_it_began_and_nothing_comes_twice(
    own: System, receiver: Receiver, tenant: str, webhooks: list[dict[str, Any]]
) -> None:
    async with load_on(own, receiver, tenant) as load:
        for service in ("webhook", "dispatcher"):
            await own.services[service].stop()
            await own.services[service].start()
            await receiver.wait_for(PATHS[0], len(receiver.at(PATHS[0])) + 20)
    await wait_until_delivered(own, tenant, load.published * len(PATHS))
    for path in PATHS:
        seen = received_ids(receiver, path)
        assert len(seen) == len(set(seen)) == load.published


async def test_losing_the_whole_broker_loses_no_dispatched_delivery(
    own: System, receiver: Receiver, tenant: str
) -> None:
    client = own.client(tenant)
    await client.create_webhook(
        receiver.script("/recovers", *[500] * 50, 200), "*", retry_schedule=["5s", "5s", "5s"]
    )
    for _ in range(50):
        await own.publish(certificate(tenant))
    await own.wait_for_states(tenant, *["retrying"] * 50)
    assert own.stack.rabbitmq is not None
    await own.stack.rabbitmq.wipe()
    await own.stack.rabbitmq.create_vhost(own.vhost)
    deliveries = await wait_until_delivered(own, tenant, 50)
    assert {delivery["attempts_made"] for delivery in deliveries} == {2}
    assert_numbered_without_gaps(deliveries)
