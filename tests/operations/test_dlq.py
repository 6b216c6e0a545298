"""`worker dlq` against the running system: what it shows, what it sends again, what it leaves alone."""

import json
from typing import Any
from uuid import uuid4

import pytest

from shared.model.topology import EVENTS
from tests.operations.command import Worker
from tests.support.receiver import Receiver
from tests.support.system import System, certificate, event
from tests.support.waiting import eventually


async def listed(worker: Worker, *filters: str) -> list[dict[str, Any]]:
    ended = await worker("dlq", "list", "--json", *filters)
    assert ended.code == 0, ended
    return [json.loads(line) for line in ended.out.splitlines()]


async def die(system: System, receiver: Receiver, tenant: str, *then: int, count: int = 1) -> dict[str, Any]:
    """Make a webhook and so many dead letters of it; afterwards its receiver answers like `then`."""
    url = receiver.script("/in", *[400] * count, *then or (200,))
    webhook = await system.client(tenant).create_webhook(url, "certificate.*")
    for _ in range(count):
        await system.publish(certificate(tenant))
    await system.wait_for_states(tenant, *["dead"] * count)
    await eventually(
        lambda: system.deliveries(tenant), until=lambda seen: all("due_at" not in delivery for delivery in seen)
    )
    return webhook


async def test_letters_are_listed_with_what_triage_needs_and_stay_where_they_are(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    webhook = await die(operated, receiver, tenant, count=2)
    for _ in range(2):
        letters = await listed(worker, "--webhook", webhook["id"])
        assert len(letters) == 2
    [first, _] = letters
    [delivery, _] = await operated.deliveries(tenant)
    assert first["id"] == first["delivery_id"]
    assert first["queue"] == "webhook"
    assert (first["reason"], first["status"], first["attempts"]) == ("http_4xx", 400, 1)
    assert first["target"] == delivery["target"] == receiver.url("/in")
    text = await worker("dlq", "list", "--webhook", webhook["id"])
    [heading, row, _] = text.out.splitlines()
    assert heading.startswith("QUEUE")
    assert all(word in row for word in ("webhook", "http_4xx", "400", first["id"], first["target"]))


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (("--queue", "email"), 0),
        (("--queue", "webhook"), 2),
        (("--reason", "gone"), 0),
        (("--reason", "http_4xx"), 2),
        (("--older-than", "1h"), 0),
        (("--newer-than", "1h"), 2),
        (("--limit", "1"), 1),
    ],
    ids=str,
)
async def test_a_filter_leaves_the_others_out(
    operated: System, worker: Worker, receiver: Receiver, tenant: str, filters: tuple[str, ...], count: int
) -> None:
    webhook = await die(operated, receiver, tenant, count=2)
    assert len(await listed(worker, "--webhook", webhook["id"], *filters)) == count


async def test_one_letter_is_shown_with_headers_body_and_attempts(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    await die(operated, receiver, tenant)
    [delivery] = await operated.deliveries(tenant)
    shown = await worker("dlq", "show", delivery["_id"])
    assert shown.code == 0, shown
    assert f"subscription-id: {delivery['subscription_id']}" in shown.out
    assert receiver.at("/in")[0].body.decode() in shown.out
    assert "Attempt 1 at" in shown.out
    assert "status 400" in shown.out, "the receiver's own words"
    nothing = await worker("dlq", "show", "dlv_nothing")
    assert nothing.code == 1
    assert "dlv_nothing" in nothing.err


async def test_a_replayed_letter_is_delivered_and_gone_and_the_cause_is_kept(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    webhook = await die(operated, receiver, tenant, count=2)
    done = await worker("dlq", "replay", "--webhook", webhook["id"], "--cause", "fixed", "--by", "ada")
    assert (done.code, done.out) == (0, "2 of 2 letters replayed\n"), done
    for delivery in await operated.wait_for_states(tenant, "delivered", "delivered"):
        [note] = delivery["replays"]
        assert (note["cause"], note["by"]) == ("fixed", "ada")
        assert [attempt["number"] for attempt in delivery["attempts"]] == [1, 2]
    assert await listed(worker, "--webhook", webhook["id"]) == []


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    webhook = await die(operated, receiver, tenant, count=2)
    before = await operated.deliveries(tenant)
    told = await worker("dlq", "replay", "--webhook", webhook["id"], "--cause", "fixed", "--dry-run")
    assert "2 of 2 letters would be replayed" in told.out
    told = await worker("dlq", "discard", "--webhook", webhook["id"], "--dry-run")
    assert "2 letters would be discarded" in told.out
    assert await operated.deliveries(tenant) == before
    assert len(await listed(worker, "--webhook", webhook["id"])) == 2


async def test_nothing_is_replayed_while_its_target_fails_unless_forced(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    await die(operated, receiver, tenant, 400, 200)
    [delivery] = await operated.deliveries(tenant)
    oldest = delivery["_id"]
    await operated.publish(certificate(tenant))
    await operated.wait_for_states(tenant, "dead", "dead")
    refused = await worker("dlq", "replay", "--id", oldest, "--cause", "hope")
    assert refused.code == 1
    assert "1 kept: target_still_failing" in refused.out
    assert len(await listed(worker, "--id", oldest)) == 1
    forced = await worker("dlq", "replay", "--id", oldest, "--cause", "sure", "--force")
    assert (forced.code, forced.out) == (0, "1 of 1 letters replayed\n")
    await operated.wait_for_states(tenant, "dead", "delivered")


async def test_letters_that_died_together_do_not_speak_against_each_other(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    webhook = await die(operated, receiver, tenant, count=3)
    together = await worker("dlq", "replay", "--webhook", webhook["id"], "--cause", "fixed")
    assert (together.code, together.out) == (0, "3 of 3 letters replayed\n")


async def test_letters_of_a_disabled_or_deleted_webhook_are_kept_and_the_reason_is_said(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    webhook = await die(operated, receiver, tenant)
    path = f"/api/v1/webhooks/{webhook['id']}"
    await operated.client(tenant).call("PATCH", path, {"enabled": False})
    disabled = await worker("dlq", "replay", "--webhook", webhook["id"], "--cause", "x", "--force")
    assert "1 kept: webhook_disabled" in disabled.out
    await operated.client(tenant).call("DELETE", path)
    deleted = await worker("dlq", "replay", "--webhook", webhook["id"], "--cause", "x", "--force")
    assert "1 kept: not_recorded" in deleted.out
    assert len(await listed(worker, "--webhook", webhook["id"])) == 1


async def test_a_copy_of_what_was_sent_again_otherwise_is_removed_and_not_sent(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    webhook = await die(operated, receiver, tenant)
    [delivery] = await operated.deliveries(tenant)
    answer = await operated.client(tenant).call(
        "POST", f"/api/v1/dead-letters/{delivery['_id']}/replay", {"cause": "by the tenant"}
    )
    assert answer.status == 202
    [delivered] = await operated.wait_for_states(tenant, "delivered")
    told = await worker("dlq", "replay", "--webhook", webhook["id"], "--cause", "x")
    assert "0 of 1 letters replayed" in told.out
    assert "1 removed" in told.out
    assert await operated.deliveries(tenant) == [delivered]
    assert await listed(worker, "--webhook", webhook["id"]) == []


async def test_an_event_that_is_valid_now_is_dispatched_and_one_that_is_not_comes_back(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    await operated.client(tenant).create_webhook(receiver.url("/in"), "certificate.*")
    envelope = event("certificate.issued", {"certificate_id": 42}, tenant=tenant)
    await operated.publish(envelope)
    [letter] = await eventually(lambda: listed(worker, "--queue", "event", "--id", envelope["id"]))
    assert (letter["reason"], letter["routing_key"]) == ("invalid_event", "certificate.issued")
    again = await worker("dlq", "replay", "--id", envelope["id"], "--cause", "the catalogue was wrong")
    assert again.code == 0, again
    [back] = await eventually(lambda: listed(worker, "--queue", "event", "--id", envelope["id"]))
    assert back["message_id"] != letter["message_id"]
    assert back["event_id"] == letter["event_id"]
    # What a dispatcher that failed by its own fault would have parked.
    good = certificate(tenant)
    await operated.publish_raw(
        json.dumps(good).encode(),
        exchange="notifications.dead",
        routing_key="event",
        headers={"dead-reason": "internal_error", "dead-routing-key": "certificate.issued"},
    )
    again = await worker("dlq", "replay", "--reason", "internal_error", "--cause", "updated")
    assert "1 of 1 letters replayed" in again.out
    await receiver.wait_for("/in")


async def test_a_replay_gives_no_event_a_key_that_its_producer_could_not_use(
    operated: System, worker: Worker, tenant: str
) -> None:
    envelope = event("signer.created", {"signer_id": "s_1"}, tenant=tenant)
    await operated.publish_raw(json.dumps(envelope).encode(), exchange=EVENTS, routing_key="certificate.issued")
    [letter] = await eventually(lambda: listed(worker, "--id", envelope["id"]))
    assert letter["routing_key"] == "certificate.issued"
    assert (await worker("dlq", "replay", "--id", envelope["id"], "--cause", "x")).code == 0
    [back] = await eventually(lambda: listed(worker, "--id", envelope["id"]))
    assert back["message_id"] != letter["message_id"]
    assert back["reason"] == "invalid_event"


async def test_only_what_is_meant_is_discarded_and_its_delivery_stays_dead(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    webhook = await die(operated, receiver, tenant, count=3)
    [first, *others] = [letter["id"] for letter in await listed(worker, "--webhook", webhook["id"])]
    unsure = await worker("dlq", "discard", "--id", first)
    assert unsure.code == 1
    assert "--yes" in unsure.err
    assert (await worker("dlq", "discard", "--id", first, "--yes")).code == 0
    assert [letter["id"] for letter in await listed(worker, "--webhook", webhook["id"])] == others
    assert [item["state"] for item in await operated.deliveries(tenant)] == ["dead"] * 3


async def test_what_strangers_wrote_can_do_nothing_to_the_terminal(operated: System, worker: Worker) -> None:
    probe = uuid4().hex
    await operated.publish_raw(
        b"\x1b]0;owned\x07 not a task",
        exchange="notifications.dead",
        routing_key="webhook",
        headers={"delivery-id": probe, "dead-detail": "\x1b[2J\x1b]52;c;cm0gLXJm\x07", "dead-target": "a\nb"},
    )
    for command in (["dlq", "list", "--id", probe], ["dlq", "show", probe]):
        ended = await worker(*command)
        assert probe in ended.out
        assert not {"\x1b", "\x07"} & set(ended.out)
    assert len((await worker("dlq", "list", "--id", probe)).out.splitlines()) == 2
    kept = await worker("dlq", "replay", "--id", probe, "--cause", "x")
    assert "1 kept: not_recorded" in kept.out


async def test_a_broker_or_database_that_is_away_is_one_sentence(worker: Worker) -> None:
    nobody = "127.0.0.1:9"
    for command, url in (
        (("dlq", "list"), {"AMQP_URL": f"amqp://guest:secret@{nobody}/"}),
        (("dlq", "replay", "--cause", "x"), {"MONGODB_URL": f"mongodb://ada:secret@{nobody}/?replicaSet=rs0"}),
    ):
        ended = await worker(*command, **url)
        assert (ended.code, len(ended.err.splitlines())) == (1, 1), ended
        assert next(iter(url)) in ended.err
        assert "secret" not in ended.err
