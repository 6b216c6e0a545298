"""Events as their tenant sees them: the list, and why each subscription got one or did not."""

from datetime import timedelta
from typing import Any

from shared.model.reasons import DeliveryState
from shared.process.clock import utc_now
from tests.api.records import Records, failed_attempt, good_attempt
from tests.support.system import Client, System

URL = "http://127.0.0.1:9/in"
PATH = "/api/v1/events"


async def _verdicts(client: Client, event_id: str) -> dict[str, dict[str, Any]]:
    shown = await client.get(f"{PATH}/{event_id}")
    return {item["subscription_id"]: item for item in shown["subscriptions"]}


async def test_events_are_listed_by_type_subject_and_time(client: Client, records: Records) -> None:
    hour_ago = utc_now() - timedelta(hours=1)
    old = await records.event("signer.created", subject="signers/s-1", created_at=hour_ago)
    new = await records.event("certificate.issued")
    moment = (hour_ago + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    for query, expected in (
        ("", [new.id, old.id]),
        ("type=signer.created", [old.id]),
        ("subject=signers/s-1", [old.id]),
        (f"since={moment}", [new.id]),
        (f"until={moment}", [old.id]),
        ("type=nobody.knows", []),
    ):
        page = await client.get(f"{PATH}?{query}")
        assert [item["id"] for item in page["items"]] == expected, query
    listed = (await client.get(PATH))["items"][0]
    assert (listed["type"], listed["source"], listed["source_id"]) == (new.type, new.source, new.source_id)
    assert "data" not in listed


async def test_an_event_shows_what_became_of_it_at_each_subscription(client: Client, records: Records) -> None:
    delivered, retrying, skipped = [await client.create_webhook(URL) for _ in range(3)]
    event = await records.event(data=b'{"certificate_id": "c"}')
    await records.delivery(delivered["id"], event, state=DeliveryState.DELIVERED, attempts=(good_attempt(),))
    await records.delivery(retrying["id"], event, state=DeliveryState.RETRYING, attempts=(failed_attempt(),))
    await records.delivery(skipped["id"], event, state=DeliveryState.SKIPPED, reason="webhook_disabled")
    verdicts = await _verdicts(client, event.id)
    assert {name: (item["matched"], item["delivery"]["status"]) for name, item in verdicts.items()} == {
        delivered["id"]: (True, "delivered"),
        retrying["id"]: (True, "retrying"),
        skipped["id"]: (True, "skipped"),
    }
    assert verdicts[delivered["id"]]["explanation"] == "Delivered after 1 attempt."
    assert verdicts[retrying["id"]]["explanation"] == "Failed in 1 attempt; another follows."
    assert verdicts[skipped["id"]]["explanation"].startswith("The webhook was disabled")
    assert (await client.get(f"{PATH}/{event.id}"))["data"] == {"certificate_id": "c"}


async def test_an_event_says_why_a_subscription_did_not_get_it(client: Client, records: Records) -> None:
    other_type = await client.create_webhook(URL, "signer.*")
    signer = await client.call("POST", "/signers/s-1/webhooks", {"url": URL, "events": ["*"]})
    unconfirmed = await records.address("ada@example.com", confirmed=False)
    event = await records.event()
    later = await client.create_webhook(URL)
    verdicts = await _verdicts(client, event.id)
    assert not any(item["matched"] or item["delivery"] for item in verdicts.values())
    for subscription_id, word in (
        (other_type["id"], "do not include certificate.issued"),
        (signer.body["id"], "bound to the subject signers/s-1"),
        (unconfirmed.id, "not been confirmed"),
        (later["id"], "created after the event arrived"),
    ):
        assert word in verdicts[subscription_id]["explanation"]
    assert verdicts[unconfirmed.id]["target"] == "ada@example.com"


async def test_an_event_that_is_not_dispatched_yet_says_so(client: Client, records: Records) -> None:
    webhook = await client.create_webhook(URL)
    event = await records.event(dispatched=False)
    verdict = (await _verdicts(client, event.id))[webhook["id"]]
    assert (verdict["matched"], verdict["delivery"]) == (True, None)
    assert "not been dispatched yet" in verdict["explanation"]


async def test_mails_to_people_named_in_the_event_are_listed_apart(client: Client, records: Records) -> None:
    event = await records.event("user.invited")
    mail = await records.delivery("", event, channel="email", recipient="ada@example.com", target="ada@example.com")
    shown = await client.get(f"{PATH}/{event.id}")
    assert [(item["id"], item["target"]) for item in shown["direct_deliveries"]] == [(mail.id, "ada@example.com")]


async def test_a_target_is_shown_without_its_query(client: Client, records: Records) -> None:
    webhook = await client.create_webhook(URL + "?token=hush")
    event = await records.event()
    assert "hush" not in (await _verdicts(client, event.id))[webhook["id"]]["target"]


async def test_the_catalogue_lists_every_type_with_schema_and_example(api: System, tenant: str) -> None:
    page = await api.client(tenant, "NONE").get("/api/v1/event-types")
    entries = {item["type"]: item for item in page["items"]}
    assert page["next_cursor"] is None
    assert {"certificate.issued", "signing.completed", "policy.violated", "webhook.test"} <= set(entries)
    assert entries["certificate.issued"]["schema"]["type"] == "object"
    assert entries["certificate.issued"]["example"]["certificate_id"]
    assert (entries["certificate.issued"]["internal"], entries["webhook.test"]["internal"]) == (False, True)
