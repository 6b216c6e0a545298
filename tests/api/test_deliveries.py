"""The delivery log: what is shown of a delivery, how the log is filtered, and sending something again."""

import json
from datetime import timedelta

import pytest

from shared.model.reasons import DeliveryState
from shared.process.clock import utc_now
from tests.api.records import DEAD, Records, failed_attempt, good_attempt
from tests.api.tap import Tap
from tests.support.system import Client, System

URL = "http://127.0.0.1:9/in"
PATH = "/api/v1/deliveries"


async def test_a_delivery_shows_every_attempt(client: Client, records: Records) -> None:
    due = utc_now() + timedelta(seconds=25)
    attempts = (failed_attempt(1), failed_attempt(2, status=503))
    made = await records.delivery("wh_1", state=DeliveryState.RETRYING, attempts=attempts, due_at=due)
    shown = await client.get(f"{PATH}/{made.id}")
    assert (shown["status"], shown["attempts_made"], shown["reason"]) == ("retrying", 2, None)
    assert shown["next_attempt_at"] == due.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert [(item["number"], item["status"]) for item in shown["attempts"]] == [(1, 500), (2, 503)]
    first = shown["attempts"][0]
    assert (first["duration_ms"], first["response_excerpt"], first["unknown_outcome"]) == (12, "sorry", False)
    assert shown["last_attempt"] == shown["attempts"][1]
    assert (shown["subscription_id"], shown["event_type"]) == ("wh_1", "certificate.issued")


@pytest.mark.parametrize(
    ("state", "reason", "sentence"),
    [
        (DEAD, "http_4xx", "The receiver refused"),
        (DEAD, "of a later version", None),
        (DeliveryState.SKIPPED, "webhook_disabled", "The webhook was disabled"),
        (DeliveryState.DELIVERED, None, None),
    ],
)
async def test_a_reason_is_said_in_a_sentence(
    client: Client, records: Records, state: DeliveryState, reason: str | None, sentence: str | None
) -> None:
    made = await records.delivery("wh_1", state=state, reason=reason, due_at=utc_now())
    shown = await client.get(f"{PATH}/{made.id}")
    assert (shown["reason"], shown["next_attempt_at"]) == (reason, None)
    assert (shown["reason_text"] or "").startswith(sentence or "")
    assert (shown["reason_text"] is None) == (sentence is None)


async def test_the_log_is_filtered(client: Client, records: Records) -> None:
    now = utc_now()
    event = await records.event("signer.created")
    old = await records.delivery("wh_1", created_at=now - timedelta(hours=2))
    new = await records.delivery("wh_2", event, state=DeliveryState.DELIVERED)
    waiting = DeliveryState.PENDING
    mail = await records.delivery("", event, channel="email", recipient="ada@example.com", state=waiting)
    hour_ago = (now - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    for query, expected in (
        ("", {old.id, new.id, mail.id}),
        ("status=dead", {old.id}),
        ("status=delivered", {new.id}),
        ("status=skipped", set()),
        ("type=signer.created", {new.id, mail.id}),
        (f"event={event.id}", {new.id, mail.id}),
        (f"event={event.id}&channel=email", {mail.id}),
        ("channel=webhook", {old.id, new.id}),
        ("webhook=wh_2", {new.id}),
        (f"since={hour_ago}", {new.id, mail.id}),
        (f"until={hour_ago}", {old.id}),
    ):
        page = await client.get(f"{PATH}?{query}")
        assert {item["id"] for item in page["items"]} == expected, query


async def test_a_webhooks_log_is_its_own(client: Client, records: Records) -> None:
    webhook = await client.create_webhook(URL)
    mine = await records.delivery(webhook["id"])
    await records.delivery("wh_other")
    path = f"/api/v1/webhooks/{webhook['id']}/deliveries"
    assert [item["id"] for item in (await client.get(path))["items"]] == [mine.id]
    assert (await client.get(f"{path}?status=delivered"))["items"] == []
    assert (await client.call("GET", "/api/v1/webhooks/wh_other/deliveries")).status == 404


@pytest.mark.parametrize("state", [DEAD, DeliveryState.DELIVERED, DeliveryState.SKIPPED])
async def test_what_is_finished_can_be_sent_again(
    api: System, client: Client, records: Records, tap: Tap, state: DeliveryState
) -> None:
    webhook = await client.create_webhook(URL)
    made = await records.delivery(
        webhook["id"], state=state, attempts=(failed_attempt(1), good_attempt(2)), reason="x"
    )
    answer = await client.call("POST", f"{PATH}/{made.id}/resend")
    assert answer.status == 202
    assert (answer.body["status"], answer.body["reason"], answer.body["attempts_made"]) == ("pending", None, 2)
    assert len(answer.body["attempts"]) == 2
    [replay] = answer.body["replays"]
    assert replay["by"] == f"user of {records.tenant}"
    document = await api.database.deliveries.find_one({"_id": made.id})
    assert document is not None
    assert (document["state"], document["round_start"], document["attempts_made"]) == ("pending", 2, 2)
    [task] = await tap.tasks(made.id)
    assert (task.routing_key, task.headers["attempt"], task.headers["republished-by"]) == ("webhook", 3, "api")
    assert task.headers["subscription-id"] == webhook["id"]
    assert json.loads(task.body)["id"] == made.event_id


@pytest.mark.parametrize("state", [DeliveryState.PENDING, DeliveryState.RETRYING])
async def test_what_is_on_its_way_is_not_sent_again(client: Client, records: Records, state: DeliveryState) -> None:
    webhook = await client.create_webhook(URL)
    made = await records.delivery(webhook["id"], state=state)
    answer = await client.call("POST", f"{PATH}/{made.id}/resend")
    assert (answer.status, answer.body["code"]) == (409, "delivery_unfinished")


async def test_nothing_is_sent_again_to_a_disabled_webhook(client: Client, records: Records) -> None:
    webhook = await client.create_webhook(URL, enabled=False)
    made = await records.delivery(webhook["id"])
    answer = await client.call("POST", f"{PATH}/{made.id}/resend")
    assert (answer.status, answer.body["code"]) == (409, "webhook_disabled")
    assert (await client.get(f"{PATH}/{made.id}"))["status"] == "dead"


async def test_what_has_lost_its_event_is_not_sent_again(api: System, client: Client, records: Records) -> None:
    made = await records.delivery("")
    await api.database.events.delete_one({"_id": made.event_id})
    answer = await client.call("POST", f"{PATH}/{made.id}/resend")
    assert (answer.status, answer.body["code"]) == (409, "changed_meanwhile")
    assert (await client.get(f"{PATH}/{made.id}"))["status"] == "dead"


async def test_recover_sends_what_was_missed_since_a_time(
    api: System, client: Client, records: Records, tap: Tap
) -> None:
    webhook = await client.create_webhook(URL)
    now = utc_now()
    too_old = await records.delivery(webhook["id"], created_at=now - timedelta(hours=3))
    missed = [
        await records.delivery(webhook["id"], state=state, created_at=now - timedelta(minutes=minutes))
        for minutes, state in ((30, DEAD), (20, DeliveryState.SKIPPED), (10, DEAD))
    ]
    for state in (DeliveryState.DELIVERED, DeliveryState.RETRYING):
        await records.delivery(webhook["id"], state=state)
    await records.delivery(webhook["id"], await records.event("webhook.test", data=b"{}"))
    await records.delivery("wh_other")
    path = f"/api/v1/webhooks/{webhook['id']}/recover"
    since = {"since": (now - timedelta(hours=1)).isoformat()}
    dry = await client.call("POST", path, since | {"dry_run": True})
    assert (dry.status, dry.body["count"], dry.body["dry_run"]) == (200, 3, True)
    assert len((await client.get(f"{PATH}?status=pending"))["items"]) == 0
    real = await client.call("POST", path, since)
    assert (real.status, real.body["count"]) == (202, 3)
    assert {item["id"] for item in (await client.get(f"{PATH}?status=pending"))["items"]} == {d.id for d in missed}
    tasks = await tap.tasks(*(delivery.id for delivery in missed))
    assert len(tasks) == 3
    again = await client.call("POST", path, since)
    assert again.body["count"] == 0
    assert (await client.get(f"{PATH}/{too_old.id}"))["status"] == "dead"


async def test_recover_takes_more_than_one_batch(client: Client, records: Records, tap: Tap) -> None:
    webhook = await client.create_webhook(URL)
    moment = utc_now() - timedelta(minutes=1)
    made = [await records.delivery(webhook["id"], await records.event(), created_at=moment) for _ in range(205)]
    answer = await client.call("POST", f"/api/v1/webhooks/{webhook['id']}/recover", {"since": "2020-01-01T00:00:00Z"})
    assert answer.body["count"] == len(made)
    await tap.tasks(*(delivery.id for delivery in made))


async def test_a_disabled_webhook_recovers_nothing_but_can_be_counted(client: Client, records: Records) -> None:
    webhook = await client.create_webhook(URL, enabled=False)
    await records.delivery(webhook["id"], state=DeliveryState.SKIPPED, created_at=utc_now() - timedelta(minutes=1))
    path = f"/api/v1/webhooks/{webhook['id']}/recover"
    body = {"since": "2020-01-01T00:00:00Z"}
    assert (await client.call("POST", path, body | {"dry_run": True})).body["count"] == 1
    refused = await client.call("POST", path, body)
    assert (refused.status, refused.body["code"]) == (409, "webhook_disabled")
