"""All that the first version wrote is read and delivered today; so is what a newer one beside us adds."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.local.stack import Stack
from shared.delivery.reconciler import Reconciler
from shared.model.task import MESSAGE_VERSION, VERSION_HEADER
from shared.model.topology import CHANNELS, EVENTS, TO_SEND
from tests.compatibility.vectors import INVITED, TENANT, Documents, Message, everything, publish, put, read
from tests.operations.command import Worker
from tests.support.receiver import Receiver
from tests.support.system import System, running_system
from tests.support.waiting import eventually

FUTURE = "from_the_future"
Change = Callable[[Documents, list[Message]], None]

OPTIONAL = {
    "deliveries": {"traceparent", "export_id", "round_start", "created_by", "detail", "reason"},
    "subscriptions": {"rate_limit", "description", "previous_secret", "previous_expires_at", "origin", "failing"},
    "branding": {"logo_url", "organization_name"},
}
OPTIONAL_OF_ATTEMPT = {"excerpt", "unknown_outcome", "message_id", "detail"}
OPTIONAL_HEADERS = {"traceparent", "accepted-at", "delay-rung"}


def as_written(documents: Documents, messages: list[Message]) -> None:
    """Exactly what the first version wrote."""


def with_more(documents: Documents, messages: list[Message]) -> None:
    """As a newer version writes it: more fields everywhere, more headers, more attributes."""
    for collection in documents.values():
        for document in collection:
            for part in (document, document.get("secret"), *document.get("attempts", ())):
                if part is not None:
                    part[FUTURE] = {"kept": True}
    for position, message in enumerate(messages):
        newer = message.with_headers(from_the_future="yes")
        if message.exchange == EVENTS:
            newer = replace(newer, body=message.body.replace("{", '{"fromthefuture":"yes",', 1))
        messages[position] = newer


def with_less(documents: Documents, messages: list[Message]) -> None:
    """Without everything that has a default: as an older version wrote it, before that was thought of."""
    for name, optional in OPTIONAL.items():
        for document in documents[name]:
            for field in optional & document.keys():
                del document[field]
            for attempt in document.get("attempts", ()):
                for field in OPTIONAL_OF_ATTEMPT & attempt.keys():
                    del attempt[field]
    for position, message in enumerate(messages):
        kept = {name: value for name, value in message.headers.items() if name not in OPTIONAL_HEADERS}
        messages[position] = replace(message, headers=kept)


@pytest.fixture(scope="module")
async def running(stack: Stack) -> AsyncIterator[System]:
    # The old documents must not expire, and no reconciler may send what a test sends.
    async with running_system(stack, RETENTION_DAYS="3650", NOTIFICATION_RECONCILE_AFTER="1h") as system:
        yield system


@pytest.fixture(params=[as_written, with_more, with_less], ids=lambda change: str(change.__name__))
def change(request: pytest.FixtureRequest) -> Change:
    variant: Change = request.param
    return variant


async def load(system: System, stage: str, receiver: Receiver, change: Change) -> list[Message]:
    """Bring a stage's documents into the database; returns its messages."""
    documents, messages = read(stage, receiver)
    change(documents, messages)
    await put(system, documents)
    return messages


async def assert_nothing_was_forgotten(system: System, change: Change) -> None:
    """What a newer version wrote is still there, in each document that was there and in what it holds."""
    if change is not with_more:
        return
    documents = await everything(system)
    assert all(FUTURE in document for name in ("subscriptions", "branding") for document in documents[name])
    assert all([d for d in documents[name] if FUTURE in d] for name in ("events", "deliveries"))
    first_attempts = [d["attempts"][0] for d in documents["deliveries"] if d["attempts_made"] > 1]
    assert all(FUTURE in attempt for attempt in first_attempts)


async def mails_to_the_invited(system: System) -> int:
    return len(await system.deliveries(TENANT, recipient=INVITED, state="delivered"))


async def test_events_are_dispatched_and_delivered(running: System, receiver: Receiver, change: Change) -> None:
    messages = await load(running, "accepted", receiver, change)
    for message in messages:
        await publish(running, message)
    # The mail that asks for a confirmation had its task already, which is not among the messages.
    await running.wait_for_states(TENANT, *["delivered"] * 5, "pending")
    for path, count in (("/delivered", 1), ("/retried", 1), ("/dead", 2)):
        assert len(receiver.at(path)) == count
    assert receiver.at("/delivered")[0].headers["X-Team"] == "pki"
    await assert_nothing_was_forgotten(running, change)
    assert {event["matched"] > 0 for event in (await everything(running))["events"]} == {True}


async def test_tasks_are_delivered(running: System, receiver: Receiver, change: Change) -> None:
    messages = await load(running, "dispatched", receiver, change)
    for message in messages:
        await publish(running, message)
    await running.wait_for_states(TENANT, *["delivered"] * 6)
    assert len(receiver.requests) == 4
    assert await mails_to_the_invited(running) == 1
    await assert_nothing_was_forgotten(running, change)


async def test_what_is_due_is_found_by_the_reconciler(running: System, receiver: Receiver, change: Change) -> None:
    await load(running, "dispatched", receiver, change)
    context = running.worker_context("reconciler")
    try:
        assert await Reconciler(context, after=0).sweep() == 6
    finally:
        await context.aclose()
    await running.wait_for_states(TENANT, *["delivered"] * 6)
    assert len(receiver.requests) == 4
    await assert_nothing_was_forgotten(running, change)


async def test_a_retry_goes_on_and_dead_letters_are_sent_again(
    running: System, receiver: Receiver, change: Change, tmp_path: Path
) -> None:
    messages = await load(running, "worked", receiver, change)
    for message in messages:
        await publish(running, replace(message, headers={**message.headers, "not-before": 0}))
    [retried] = await receiver.wait_for("/retried")
    assert retried.headers["X-Delivery-Attempt"] == "2"
    replay = await Worker(running.environment, tmp_path)("dlq", "replay", "--cause", "repaired", "--force")
    assert replay.code == 0, replay
    seen = await running.wait_for_states(TENANT, *["delivered"] * 6)
    assert len(receiver.at("/dead")) == 2
    assert sorted(delivery["attempts_made"] for delivery in seen) == [1, 1, 1, 2, 2, 2]
    await assert_nothing_was_forgotten(running, change)


async def test_the_api_shows_and_changes_it(running: System, receiver: Receiver, change: Change) -> None:
    await load(running, "worked", receiver, change)
    client = running.client(TENANT)
    shown: dict[str, list[dict[str, Any]]] = {
        name: (await client.get(f"/api/v1/{name}"))["items"]
        for name in ("webhooks", "deliveries", "events", "dead-letters", "email-subscriptions")
    }
    assert {name: len(items) for name, items in shown.items()} == {
        "webhooks": 3,
        "deliveries": 6,
        "events": 5,
        "dead-letters": 2,
        "email-subscriptions": 1,
    }
    for kind, name in (("deliveries", "deliveries"), ("events", "events")):
        for item in shown[name]:
            await client.get(f"/api/v1/{kind}/{item['id']}")
    for webhook in shown["webhooks"]:
        path = f"/api/v1/webhooks/{webhook['id']}"
        assert (await client.call("PATCH", path, {"description": "changed"})).status == 200
        assert (await client.call("POST", f"{path}/rotate-secret", {})).status == 200
    branding = await client.get("/api/v1/branding") | {"app_name": "Renamed"}
    assert (await client.call("PUT", "/api/v1/branding", branding)).status == 200
    await assert_nothing_was_forgotten(running, change)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_task_that_only_a_newer_version_may_read_waits_for_it(
    running: System, receiver: Receiver, channel: str
) -> None:
    messages = await load(running, "dispatched", receiver, as_written)
    task = next(message for message in messages if message.routing_key == channel and message.exchange == TO_SEND)
    newer = replace(task, headers={**task.headers, VERSION_HEADER: MESSAGE_VERSION + 1}, body='{"not": "for us"}')
    await publish(running, newer)

    async def on_the_ladder() -> list[dict[str, Any]]:
        return [held for held in await running.lying_in("notifications.retry.5s") if held["payload"] == newer.body]

    [held, *_] = await eventually(on_the_ladder)
    kept = {name: value for name, value in held["properties"]["headers"].items() if name in newer.headers}
    assert kept == newer.headers
    assert held["routing_key"] == channel
    assert newer.body not in {letter["payload"] for letter in await running.dead_letters(channel)}
    assert f"header {VERSION_HEADER}: {MESSAGE_VERSION + 1} is newer" in running.logs()
    assert running.stack.rabbitmq is not None
    for queue in ("notifications.retry.5s", f"notifications.to_send.{channel}"):
        await running.stack.rabbitmq.management("DELETE", f"/api/queues/{running.vhost}/{queue}/contents")
