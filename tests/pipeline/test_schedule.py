"""Retries come when the default schedule and the receiver say, never before; all wait side by side here."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from deploy.local.stack import Stack
from tests.support.receiver import Received, Receiver, receiving
from tests.support.system import System, certificate, new_tenant, running_system
from tests.support.waiting import eventually

RETRY_DATES: list[datetime] = []


async def until_a_date(request: web.Request) -> web.Response:
    """Ask for a retry at the full second that is at least 7.3 s away."""
    at = (datetime.now(UTC) + timedelta(seconds=8.3)).replace(microsecond=0)
    RETRY_DATES.append(at)
    return web.Response(status=503, headers={"Retry-After": format_datetime(at, usegmt=True)})


SCRIPTS: dict[str, list[Any]] = {
    "/recovers": [500, 500, 200],
    "/seconds": [web.Response(status=503, headers={"Retry-After": "8"}), 200],
    "/date": [until_a_date, 200],
    "/shorter": [503, web.Response(status=503, headers={"Retry-After": "1"}), 200],
    "/nonsense": [web.Response(status=503, headers={"Retry-After": "soon"}), 200],
    "/never": [500],
}


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One event on its way to a receiver that does not take it at once."""

    tenant: str
    secret: str


@pytest.fixture(scope="module")
async def patient() -> AsyncIterator[Receiver]:
    """One receiver for all of them."""
    async with receiving() as listening:
        yield listening


@pytest.fixture(scope="module")
async def waiting(system: System, patient: Receiver) -> dict[str, Waiting]:
    """Publishes one event for each script, all at once."""
    published = {}
    for path, answers in SCRIPTS.items():
        tenant = new_tenant()
        webhook = await system.client(tenant).create_webhook(patient.script(path, *answers), "certificate.*")
        await system.publish(certificate(tenant, path))
        published[path] = Waiting(tenant=tenant, secret=webhook["secret"])
    return published


def gaps(requests: list[Received]) -> list[float]:
    """Seconds between a request and the next."""
    return [later.at - earlier.at for earlier, later in pairwise(requests)]


async def test_a_wrong_master_key_holds_deliveries_until_the_right_one_is_back(
    stack: Stack, receiver: Receiver, tenant: str, waiting: dict[str, Waiting]
) -> None:
    other_key = f"test:{b64encode(bytes(range(100, 132))).decode()}"  # as after a restore with the wrong secret
    async with running_system(stack, services=("api", "dispatcher")) as running:
        client = running.client(tenant)
        webhook = await client.create_webhook(receiver.url("/in"))
        [wrong] = await running.services.start("webhook", environment={"SECRETS_MASTER_KEYS": other_key})
        await running.publish(certificate(tenant))
        [held] = await eventually(
            lambda: running.deliveries(tenant),
            until=lambda seen: [d["due_at"] > d["created_at"] for d in seen] == [True],
        )
        assert (held["state"], held["attempts"]) == ("pending", [])
        await wrong.stop()
        await running.services.start("webhook")
        [request] = await receiver.wait_for("/in", within=120)
        Webhook(webhook["secret"]).verify(request.body, dict(request.headers))
        [delivery] = await running.wait_for_states(tenant, "delivered")
        assert delivery["attempts_made"] == 1
        assert (await client.get(f"/api/v1/webhooks/{webhook['id']}"))["consecutive_failures"] == 0
        assert await running.dead_letters("webhook") == []


async def test_a_receiver_that_recovers_gets_the_event_in_its_third_attempt_after_one_and_five_seconds(
    system: System, patient: Receiver, waiting: dict[str, Waiting]
) -> None:
    requests = await patient.wait_for("/recovers", 3)
    first, second = gaps(requests)
    assert first >= 1
    assert second >= 5
    assert [request.headers["X-Delivery-Attempt"] for request in requests] == ["1", "2", "3"]
    [delivery] = await system.wait_for_states(waiting["/recovers"].tenant, "delivered")
    assert [(a["number"], a["status"]) for a in delivery["attempts"]] == [(1, 500), (2, 500), (3, 200)]


async def test_each_attempt_has_the_same_id_and_body_and_a_fresh_timestamp_and_signature(
    patient: Receiver, waiting: dict[str, Waiting]
) -> None:
    requests = await patient.wait_for("/recovers", 3)
    assert len({(request.headers["webhook-id"], request.body) for request in requests}) == 1
    assert len({request.headers["webhook-signature"] for request in requests}) == 3
    for request in requests:
        assert int(request.at) - 2 <= int(request.headers["webhook-timestamp"]) <= request.at
        verified = Webhook(waiting["/recovers"].secret).verify(request.body, dict(request.headers))
        assert verified == json.loads(request.body)


async def test_retry_after_in_seconds_raises_the_wait(patient: Receiver, waiting: dict[str, Waiting]) -> None:
    [gap] = gaps(await patient.wait_for("/seconds", 2))
    assert gap >= 8


async def test_retry_after_as_a_date_raises_the_wait(patient: Receiver, waiting: dict[str, Waiting]) -> None:
    [_, second] = await patient.wait_for("/date", 2)
    [asked_for] = RETRY_DATES
    assert second.at >= asked_for.timestamp()


async def test_retry_after_never_shortens_the_wait(patient: Receiver, waiting: dict[str, Waiting]) -> None:
    first, second = gaps(await patient.wait_for("/shorter", 3))
    assert first >= 1
    assert second >= 5


async def test_a_retry_after_that_says_nothing_changes_nothing(
    patient: Receiver, waiting: dict[str, Waiting]
) -> None:
    [gap] = gaps(await patient.wait_for("/nonsense", 2))
    assert gap >= 1


async def test_a_receiver_that_always_fails_gets_four_attempts_and_the_event_one_dead_letter(
    system: System, patient: Receiver, waiting: dict[str, Waiting]
) -> None:
    tenant = waiting["/never"].tenant
    letter = await system.wait_for_dead_letter("webhook", "tenant-id", tenant, within=60)
    requests = patient.at("/never")
    assert [request.headers["X-Delivery-Attempt"] for request in requests] == ["1", "2", "3", "4"]
    assert all(gap >= wait for gap, wait in zip(gaps(requests), (1, 5, 25), strict=True))
    assert letter["properties"]["headers"]["dead-reason"] == "retries_exhausted"
    assert letter["properties"]["headers"]["dead-attempts"] == 4
    letters = await system.dead_letters("webhook")
    assert len([one for one in letters if one["properties"]["headers"].get("tenant-id") == tenant]) == 1
