"""`worker doctor` finds what is wrong with a real system, and says why something was, or was not, delivered."""

import asyncio
import re
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from shared.broker import Consumer, Incoming, Publisher
from shared.model.topology import EVENTS_TO_DISPATCH, topology
from tests.operations.command import Ended, Worker
from tests.support.receiver import Receiver
from tests.support.system import System, certificate, event, running_system
from tests.support.waiting import eventually

LINE = re.compile(r"(ok  |warn|FAIL)  ([a-z ]+): .+")
CHECKS = {
    "settings", "broker", "database", "clock", "queues", "consumers", "retries", "oldest webhook", "oldest email",
    "dead letters webhook", "dead letters email", "dead letters event", "mail server", "transport", "outbound policy",
}  # fmt: skip


def levels(ended: Ended) -> dict[str, str]:
    """The worst level of each check."""
    found: dict[str, str] = {}
    for line in ended.out.splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        found[match[2]] = max(found.get(match[2], ""), match[1].strip(), key=["", "ok", "warn", "FAIL"].index)
    return found


def line_of(ended: Ended, name: str) -> str:
    [line] = [line for line in ended.out.splitlines() if f"  {name}: " in line]
    return line


async def test_a_healthy_system_is_well(operated: System, worker: Worker) -> None:
    ended = await worker("doctor")
    assert ended.code == 0, ended
    found = levels(ended)
    assert found.keys() == CHECKS
    assert {level for name, level in found.items() if not name.startswith("dead letters")} == {"ok"}
    assert "signalpost@127.0.0.1" in line_of(ended, "broker")
    assert operated.stack.rabbitmq is not None
    assert operated.stack.rabbitmq.password not in ended.out


@pytest.mark.parametrize(
    ("settings", "check", "words"),
    [
        ({"AMQP_URL": "amqp://guest:secret@127.0.0.1:9/"}, "broker", "AMQP_URL"),
        ({"MONGODB_URL": "mongodb://ada:secret@127.0.0.1:9/?replicaSet=rs0"}, "database", "MONGODB_URL"),
        ({"NOTIFICATION_SMTP_PORT": "9"}, "mail server", "127.0.0.1:9"),
        ({"NOTIFICATION_HTTP_TIMEOUT": "soon"}, "settings", "NOTIFICATION_HTTP_TIMEOUT holds 'soon'"),
        ({"AUTH_JWKS_URL": "here"}, "settings", "api will not start"),
        ({"EVENT_TYPES_FILE": "/nowhere.json"}, "settings", "/nowhere.json"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
async def test_what_is_wrong_fails_alone_and_is_named(
    worker: Worker, settings: dict[str, str], check: str, words: str
) -> None:
    ended = await worker("doctor", **settings)
    assert ended.code == 1
    found = levels(ended)
    assert [name for name, level in found.items() if level == "FAIL"] == [check]
    assert words in ended.out
    assert "secret" not in ended.out
    assert {"transport", "mail server"} & found.keys(), "the other checks go on"


async def test_missing_queues_and_absent_consumers_fail(stack: Stack, tmp_path: Path) -> None:
    async with running_system(stack, services=()) as bare:
        worker = Worker(bare.environment, tmp_path)
        empty = await worker("doctor")
        assert (empty.code, levels(empty)["queues"]) == (1, "FAIL")
        assert "worker topology" in line_of(empty, "queues")
        await bare.publish(certificate("org_1"))
        idle = await worker("doctor")
        assert (idle.code, levels(idle)["queues"], levels(idle)["consumers"]) == (1, "ok", "FAIL")
        assert f"{EVENTS_TO_DISPATCH} has none, 1 waiting — start `worker dispatcher`" in idle.out
        needless = await worker("doctor", NOTIFICATION_TRANSPORT="disabled")
        assert needless.out.count("has none and needs none") == 2


async def test_the_oldest_event_of_a_queue_that_is_worked_on_is_told_and_stays(stack: Stack, tmp_path: Path) -> None:
    async with running_system(stack, services=()) as slow:
        held = asyncio.Event()

        async def hold(_: Incoming) -> None:
            held.set()

        url = slow.environment["AMQP_URL"]
        consumer = Consumer(url, EVENTS_TO_DISPATCH, name="slow", prefetch=1, topology=topology(), handler=hold)
        consuming = asyncio.create_task(consumer.run())
        for _ in range(2):
            await slow.publish(certificate("org_1"))
        await held.wait()
        ended = await Worker(slow.environment, tmp_path)("doctor")
        assert "has waited for" in line_of(ended, "oldest event")
        publisher = Publisher(url, name="tests", topology=topology())
        await publisher.connect()
        await eventually(lambda: publisher.message_count(EVENTS_TO_DISPATCH), until=lambda count: count == 1)
        await publisher.aclose()
        await consumer.stop()
        await consuming


async def test_a_delivery_that_stands_still_fails(operated: System, worker: Worker, tenant: str) -> None:
    old = {"$subtract": ["$$NOW", 3_600_000]}
    stranded = {"_id": f"dlv_{tenant}", "tenant_id": tenant, "channel": "email", "state": "pending"}
    await operated.services["dispatcher"].pause()  # or its reconciler would take it up
    try:
        await operated.database.deliveries.insert_one(stranded)
        await operated.database.deliveries.update_one({"_id": stranded["_id"]}, [{"$set": {"due_at": old}}])
        ended = await worker("doctor")
    finally:
        await operated.database.deliveries.delete_one({"_id": stranded["_id"]})
        await operated.services["dispatcher"].resume()
    assert (ended.code, levels(ended)["oldest email"]) == (1, "FAIL")
    assert "60 min" in line_of(ended, "oldest email")


async def test_a_policy_that_lets_customers_reach_this_host_is_warned_of_in_production(worker: Worker) -> None:
    production = {
        "ENVIRONMENT": "production",
        "SECURITY_OUTBOUND_ALLOWED_NETWORKS": "10.2.0.0/16,127.0.0.0/8,0.0.0.0/0",
        "SECURITY_OUTBOUND_ALLOWED_HOSTS": "hooks.internal",
    }
    line = line_of(await worker("doctor", **production), "outbound policy")
    assert line.startswith("warn")
    assert "hooks.internal, 10.2.0.0/16" in line
    assert "127.0.0.0/8, 0.0.0.0/0 is too broad" in line


async def test_an_event_is_explained_subscription_by_subscription(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    client = operated.client(tenant)
    good = await client.create_webhook(receiver.url("/good"), "certificate.*")
    bad = await client.create_webhook(receiver.script("/bad", 404), "certificate.*")
    other = await client.create_webhook(receiver.url("/other"), "signing.completed")
    envelope = certificate(tenant)
    await operated.publish(envelope)
    [delivery, _] = await operated.wait_for_states(tenant, "delivered", "dead")
    by_ours = await worker("doctor", "--event", delivery["event_id"])
    by_theirs = await worker("doctor", "--event", envelope["id"])
    assert by_ours.code == 0
    assert by_ours.out == by_theirs.out
    assert "It came through the broker and was dispatched at" in by_ours.out
    assert "It matched 2 of the tenant's 3 subscriptions." in by_ours.out
    assert told_of(by_ours, good["id"])[0] == "Delivered after 1 attempt."
    fate = " ".join(told_of(by_ours, bad["id"]))
    assert all(words in fate for words in ("4xx", "404, http_404", "It said: status 404", "To do: Compare"))
    assert "do not include certificate.issued" in told_of(by_ours, other["id"])[0]


def told_of(ended: Ended, name: str) -> list[str]:
    """The indented lines below the one that begins with this name."""
    lines = ended.out.splitlines()
    [start] = [number for number, line in enumerate(lines) if line.startswith(name)]
    told: list[str] = []
    for line in lines[start + 1 :]:
        if not line.startswith("  "):
            break
        told.append(line.strip())
    return told


async def test_an_event_that_was_not_accepted_is_found_among_the_dead_letters(
    operated: System, worker: Worker, tenant: str
) -> None:
    envelope = event("certificate.issued", {"certificate_id": 42}, tenant=tenant)
    await operated.publish(envelope)
    await operated.wait_for_dead_letter("event", "dead-reason", "invalid_event")

    async def ask() -> Ended:
        return await worker("doctor", "--event", envelope["id"])

    told = await eventually(ask, until=lambda ended: ended.code == 0)
    assert f"Event {envelope['id']} was not accepted" in told.out
    assert "invalid_event: data.certificate_id" in told.out
    assert "To do: The producer" in told.out


async def test_nobody_knows_an_id_that_never_was(worker: Worker) -> None:
    for option in ("--event", "--webhook"):
        ended = await worker("doctor", option, "nothing")
        assert (ended.code, ended.out) == (1, "")
        assert "nothing" in ended.err


async def test_a_webhook_is_explained_with_all_that_keeps_it_from_being_sent_to(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    client = operated.client(tenant)
    webhook = await client.create_webhook(f"{receiver.script('/in', 410)}?token=hunter2", "certificate.*")
    await operated.publish(certificate(tenant))
    await operated.wait_for_states(tenant, "dead")

    async def ask() -> Ended:
        return await worker("doctor", "--webhook", webhook["id"])

    told = await eventually(ask, until=lambda ended: "It was disabled" in ended.out)
    assert "its receiver answered 410 Gone" in told.out
    assert "Its newest 1 deliveries: 1 dead." in told.out
    assert "hunter2" not in told.out
    assert "can't be derived" not in told.out
    strict = {
        "SECURITY_OUTBOUND_ALLOWED_NETWORKS": "",
        "SECRETS_MASTER_KEYS": "other:b3RoZXIgbWFzdGVyIGtleSBvZiB0aGUgdGVzdHMsIDMyKyBi",
    }
    told = await worker("doctor", "--webhook", webhook["id"], **strict)
    assert "The outbound policy refuses its URL" in told.out
    assert "master key test is not in SECRETS_MASTER_KEYS" in told.out


async def test_an_address_is_explained_down_to_the_message_id(operated: System, worker: Worker, tenant: str) -> None:
    address = f"{tenant}@example.com"
    nothing = await worker("doctor", "--email", address)
    assert "has no mail subscription" in nothing.out
    assert "No mail to it is recorded" in nothing.out
    await operated.publish(
        event("user.invited", {"email": address, "accept_url": "https://app.example.com/i"}, tenant=tenant)
    )
    [delivery] = await operated.wait_for_states(tenant, "delivered")
    told = await worker("doctor", "--email", address)
    assert "user.invited" in told.out
    assert "Delivered after 1 attempt." in told.out
    assert f"Message-ID: {delivery['attempts'][0]['message_id']}" in told.out
    assert "spam folder" in told.out
