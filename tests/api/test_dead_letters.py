"""Dead letters: found by what they have in common, and sent again by somebody who says why."""

import asyncio
from datetime import timedelta

import pytest

from shared.model.reasons import DeliveryState
from shared.process.clock import utc_now
from tests.api.records import Records, failed_attempt, good_attempt
from tests.api.tap import Tap
from tests.support.system import Client, System

URL = "http://127.0.0.1:9/in"
PATH = "/api/v1/dead-letters"
CAUSE = {"cause": "The receiver's certificate had expired."}


async def test_only_dead_letters_are_listed_by_reason_channel_and_webhook(client: Client, records: Records) -> None:
    refused = await records.delivery("wh_1", reason="http_4xx")
    exhausted = await records.delivery("wh_2", reason="retries_exhausted")
    mail = await records.delivery("", channel="email", recipient="ada@example.com", reason="smtp_rejected")
    await records.delivery("wh_1", state=DeliveryState.DELIVERED)
    for query, expected in (
        ("", {refused.id, exhausted.id, mail.id}),
        ("reason=http_4xx", {refused.id}),
        ("channel=email", {mail.id}),
        ("webhook=wh_2", {exhausted.id}),
        ("webhook=wh_2&reason=http_4xx", set()),
        ("since=2999-01-01T00:00:00Z", set()),
    ):
        page = await client.get(f"{PATH}?{query}")
        assert {item["id"] for item in page["items"]} == expected, query


async def test_a_replay_says_why_and_starts_a_new_round(
    api: System, client: Client, records: Records, tap: Tap
) -> None:
    webhook = await client.create_webhook(URL)
    made = await records.delivery(webhook["id"], attempts=(failed_attempt(),))
    answer = await client.call("POST", f"{PATH}/{made.id}/replay", CAUSE)
    assert (answer.status, answer.body["status"]) == (202, "pending")
    assert [replay["cause"] for replay in answer.body["replays"]] == [CAUSE["cause"]]
    document = await api.database.deliveries.find_one({"_id": made.id})
    assert document is not None
    assert (document["state"], document["round_start"], document["reason"]) == ("pending", 1, None)
    assert document["due_at"] is not None
    [task] = await tap.tasks(made.id)
    assert task.headers["attempt"] == 2
    again = await client.call("POST", f"{PATH}/{made.id}/replay", CAUSE)
    assert (again.status, again.body["code"]) == (409, "not_dead")


async def test_a_cause_is_kept_as_it_was_written(client: Client, records: Records) -> None:
    webhook = await client.create_webhook(URL)
    made = await records.delivery(webhook["id"])
    answer = await client.call("POST", f"{PATH}/{made.id}/replay", {"cause": "$attempts_made {$ne: 1}"})
    assert answer.body["replays"][0]["cause"] == "$attempts_made {$ne: 1}"


@pytest.mark.parametrize("body", [None, {}, {"cause": ""}, {"cause": " \n"}, {"cause": None}, {"cause": "x" * 501}])
async def test_a_replay_needs_a_cause(client: Client, records: Records, body: object) -> None:
    made = await records.delivery("wh_1")
    for path in (f"{PATH}/{made.id}/replay", f"{PATH}/replay"):
        answer = await client.call("POST", path, body)
        assert answer.status == 422
        assert answer.body["errors"][0]["field"] in ("cause", "body")
    assert (await client.get(f"/api/v1/deliveries/{made.id}"))["status"] == "dead"


async def test_of_several_replays_at_once_one_succeeds(client: Client, records: Records, tap: Tap) -> None:
    webhook = await client.create_webhook(URL)
    made = await records.delivery(webhook["id"])
    answers = await asyncio.gather(*(client.call("POST", f"{PATH}/{made.id}/replay", CAUSE) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [202] + [409] * 5
    assert len(await tap.tasks(made.id)) == 1


async def test_a_replay_is_refused_while_the_target_has_been_failing_since(client: Client, records: Records) -> None:
    webhook = await client.create_webhook(URL)
    now = utc_now()
    letter = await records.delivery(webhook["id"], updated_at=now - timedelta(minutes=5))
    path = f"{PATH}/{letter.id}/replay"
    await records.delivery(
        webhook["id"],
        state=DeliveryState.RETRYING,
        attempts=(failed_attempt(at=now - timedelta(minutes=1)),),
    )
    refused = await client.call("POST", path, CAUSE)
    assert (refused.status, refused.body["code"]) == (409, "target_still_failing")
    await records.delivery(webhook["id"], state=DeliveryState.DELIVERED, attempts=(good_attempt(at=now),))
    assert (await client.call("POST", path, CAUSE)).status == 202


async def test_force_replays_all_the_same(client: Client, records: Records) -> None:
    webhook = await client.create_webhook(URL)
    letter = await records.delivery(webhook["id"], updated_at=utc_now() - timedelta(minutes=5))
    await records.delivery(webhook["id"], attempts=(failed_attempt(),))
    path = f"{PATH}/{letter.id}/replay"
    assert (await client.call("POST", path, CAUSE)).status == 409
    assert (await client.call("POST", path, CAUSE | {"force": True})).status == 202


async def test_failures_before_the_letter_or_of_another_target_do_not_count(client: Client, records: Records) -> None:
    webhook, other = await client.create_webhook(URL), await client.create_webhook(URL)
    now = utc_now()
    letter = await records.delivery(webhook["id"], updated_at=now)
    await records.delivery(webhook["id"], attempts=(failed_attempt(at=now - timedelta(minutes=1)),))
    await records.delivery(other["id"], attempts=(failed_attempt(at=now + timedelta(seconds=1)),))
    assert (await client.call("POST", f"{PATH}/{letter.id}/replay", CAUSE)).status == 202


async def test_many_are_replayed_by_what_they_have_in_common(client: Client, records: Records, tap: Tap) -> None:
    webhook = await client.create_webhook(URL)
    at = utc_now() - timedelta(minutes=10)
    # One after the other, as a receiver that is down for a while leaves them.
    letters = [
        await records.delivery(
            webhook["id"],
            created_at=at + timedelta(minutes=n),
            updated_at=at + timedelta(minutes=n),
            attempts=(failed_attempt(at=at + timedelta(minutes=n, seconds=-5)),),
            reason="retries_exhausted",
        )
        for n in range(4)
    ]
    kept = await records.delivery(webhook["id"], reason="http_4xx", updated_at=at)
    body = CAUSE | {"webhook": webhook["id"], "reason": "retries_exhausted"}
    dry = await client.call("POST", f"{PATH}/replay", body | {"dry_run": True})
    assert (dry.status, dry.body) == (200, {"dry_run": True, "matched": 4, "count": 4, "refused": []})
    first = await client.call("POST", f"{PATH}/replay", body | {"limit": 1})
    assert (first.status, first.body["matched"], first.body["count"]) == (202, 4, 1)
    assert [message.headers["delivery-id"] for message in await tap.tasks(letters[-1].id)] == [letters[-1].id]
    waiting = await client.call("POST", f"{PATH}/replay", body)  # the first one has not been taken yet
    assert (waiting.status, waiting.body["code"]) == (409, "target_still_failing")
    await records.delivery(webhook["id"], state=DeliveryState.DELIVERED, attempts=(good_attempt(),))
    rest = await client.call("POST", f"{PATH}/replay", body)
    assert (rest.status, rest.body["count"]) == (202, 3)
    await tap.tasks(*(letter.id for letter in letters))
    assert (await client.get(f"/api/v1/deliveries/{kept.id}"))["status"] == "dead"


async def test_a_bulk_replay_says_what_it_refuses(client: Client, records: Records) -> None:
    good, failing, disabled = [await client.create_webhook(URL) for _ in range(3)]
    now = utc_now()
    sent = await records.delivery(good["id"])
    refused = await records.delivery(failing["id"], updated_at=now - timedelta(minutes=5))
    await records.delivery(failing["id"], state=DeliveryState.RETRYING, attempts=(failed_attempt(),))
    off = await records.delivery(disabled["id"])
    await client.call("PATCH", f"/api/v1/webhooks/{disabled['id']}", {"enabled": False})
    answer = await client.call("POST", f"{PATH}/replay", CAUSE)
    assert (answer.status, answer.body["count"]) == (202, 1)
    assert {(item["delivery_id"], item["code"]) for item in answer.body["refused"]} == {
        (refused.id, "target_still_failing"),
        (off.id, "webhook_disabled"),
    }
    assert (await client.get(f"/api/v1/deliveries/{sent.id}"))["status"] == "pending"
    again = await client.call("POST", f"{PATH}/replay", CAUSE | {"webhook": failing["id"]})
    assert (again.status, again.body["code"]) == (409, "target_still_failing")


async def test_replaying_nothing_is_no_error(client: Client) -> None:
    answer = await client.call("POST", f"{PATH}/replay", CAUSE)
    assert (answer.status, answer.body["count"]) == (202, 0)
