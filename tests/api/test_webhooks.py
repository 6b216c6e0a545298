"""Webhooks of a tenant, from their creation to their end."""

import json
from datetime import timedelta

import pytest

from shared.process.clock import utc_now
from shared.secrets.keyring import Keyring
from shared.storage import Subscriptions
from tests.api.records import Records, failed_attempt
from tests.support.system import MASTER_KEYS, Client, System

URL = "http://127.0.0.1:9/in"


async def _stored(api: System, webhook_id: str) -> object:
    return await Subscriptions(api.database).get(webhook_id)


async def test_a_webhook_is_created_with_the_defaults_shown(client: Client) -> None:
    created = await client.create_webhook(URL, "certificate.issued", "signer.*", " * ")
    assert created.pop("secret").startswith("whsec_")
    assert created == await client.get(f"/api/v1/webhooks/{created['id']}")
    assert created | {"id": "", "created_at": "", "updated_at": ""} == {
        "id": "",
        "url": URL,
        "events": ["certificate.issued", "signer.*", "*"],
        "description": "",
        "headers": {},
        "enabled": True,
        "disabled_reason": None,
        "disabled_at": None,
        "consecutive_failures": 0,
        "retry_schedule": None,
        "rate_limit": None,
        "subject": None,
        "previous_secret_expires_at": None,
        "created_at": "",
        "updated_at": "",
    }


async def test_what_is_sent_at_creation_is_kept(client: Client) -> None:
    fields = {
        "description": "$tenant_id — ünï",
        "headers": {"X-Api-Key": "k-1", "Authorization": "Bearer receiver's own"},
        "retry_schedule": ["500ms", "2m", 90, "1h", 0],
        "rate_limit": 2.5,
        "enabled": False,
    }
    created = await client.create_webhook(URL, **fields)
    assert created["retry_schedule"] == ["500ms", "2m", "90s", "1h", "0s"]
    assert {name: created[name] for name in ("description", "headers", "rate_limit", "enabled")} == {
        name: fields[name] for name in ("description", "headers", "rate_limit", "enabled")
    }
    assert (created["disabled_reason"], created["disabled_at"]) == ("owner", created["created_at"])


async def test_a_secret_is_shown_once_and_kept_nowhere(api: System, client: Client, tenant: str) -> None:
    created = await client.create_webhook(URL)
    rotated = (await client.call("POST", f"/api/v1/webhooks/{created['id']}/rotate-secret")).body
    assert created["secret"] != rotated["secret"]
    patched = await client.call("PATCH", f"/api/v1/webhooks/{created['id']}", {"description": "x"})
    shown = [
        patched.body,
        await client.get("/api/v1/webhooks"),
        await client.get(f"/api/v1/webhooks/{created['id']}"),
    ]
    documents = await api.database.subscriptions.find({"tenant_id": tenant}).to_list()
    everything = json.dumps([shown, documents], default=str) + api.logs()
    for secret in (created["secret"], rotated["secret"]):
        assert secret not in everything
        assert secret.removeprefix("whsec_") not in everything


async def test_a_secret_can_be_derived_from_what_is_stored(api: System, client: Client) -> None:
    created = await client.create_webhook(URL)
    stored = await Subscriptions(api.database).get(created["id"])
    assert stored is not None
    assert stored.secret is not None
    assert Keyring.parse(MASTER_KEYS).open(stored.id, stored.secret) == created["secret"]


@pytest.mark.parametrize(("body", "overlap"), [(None, 86_400), ({"overlap_seconds": 60}, 60), ({}, 86_400)])
async def test_a_rotated_secret_overlaps_with_the_one_before(
    api: System, client: Client, body: object, overlap: int
) -> None:
    created = await client.create_webhook(URL)
    before = utc_now()
    answer = await client.call("POST", f"/api/v1/webhooks/{created['id']}/rotate-secret", body)
    assert answer.status == 200
    stored = await Subscriptions(api.database).get(created["id"])
    assert stored is not None
    assert stored.secret is not None
    assert stored.previous_secret is not None
    assert stored.previous_expires_at is not None
    keyring = Keyring.parse(MASTER_KEYS)
    assert keyring.open(stored.id, stored.secret) == answer.body["secret"]
    assert keyring.open(stored.id, stored.previous_secret) == created["secret"]
    assert before <= stored.previous_expires_at - timedelta(seconds=overlap) <= utc_now()


async def test_a_rotation_without_overlap_ends_the_old_secret_at_once(api: System, client: Client) -> None:
    created = await client.create_webhook(URL)
    answer = await client.call("POST", f"/api/v1/webhooks/{created['id']}/rotate-secret", {"overlap_seconds": 0})
    assert answer.body["previous_secret_expires_at"] is None
    stored = await Subscriptions(api.database).get(created["id"])
    assert stored is not None
    assert stored.previous_secret is None


async def test_an_overlap_has_bounds(client: Client) -> None:
    created = await client.create_webhook(URL)
    for overlap in (-1, 8 * 86_400, "soon", 1.5):
        answer = await client.call(
            "POST", f"/api/v1/webhooks/{created['id']}/rotate-secret", {"overlap_seconds": overlap}
        )
        assert (answer.status, answer.body["errors"][0]["field"]) == (422, "overlap_seconds")


async def test_a_patch_changes_what_it_names_and_nothing_else(client: Client) -> None:
    created = await client.create_webhook(URL, description="old", headers={"X-A": "1"}, retry_schedule=["1s"])
    del created["secret"]
    path = f"/api/v1/webhooks/{created['id']}"
    for patch, shown in (
        ({}, {}),
        ({"description": "new"}, {"description": "new"}),
        ({"url": URL + "/2", "events": ["signer.*"]}, {"url": URL + "/2", "events": ["signer.*"]}),
        ({"headers": {"X-B": "2"}}, {"headers": {"X-B": "2"}}),
        ({"retry_schedule": []}, {"retry_schedule": []}),
        ({"rate_limit": 10}, {"rate_limit": 10}),
        (
            {"description": None, "headers": None, "retry_schedule": None, "rate_limit": None},
            {"description": "", "headers": {}, "retry_schedule": None, "rate_limit": None},
        ),
    ):
        answer = await client.call("PATCH", path, patch)
        assert answer.status == 200, answer
        created |= shown | {"updated_at": answer.body["updated_at"]}
        assert answer.body == created == await client.get(path)


@pytest.mark.parametrize("patch", [{"url": None}, {"events": None}, {"enabled": None}, {"events": []}, {"id": "x"}])
async def test_a_patch_can_not_empty_what_is_required(client: Client, patch: dict[str, object]) -> None:
    created = await client.create_webhook(URL)
    answer = await client.call("PATCH", f"/api/v1/webhooks/{created['id']}", patch)
    assert answer.status == 422
    assert answer.body["errors"][0]["field"].partition(".")[0] in patch


async def test_a_patch_is_held_to_the_rules_of_creation(client: Client) -> None:
    created = await client.create_webhook(URL)
    for patch, code in (
        ({"url": "http://169.254.169.254/latest"}, "url_refused"),
        ({"events": ["nobody.knows"]}, "unknown_event_type"),
        ({"headers": {"X-Wipe-Signature": "forged"}}, "invalid_header"),
    ):
        answer = await client.call("PATCH", f"/api/v1/webhooks/{created['id']}", patch)
        assert (answer.status, answer.body["code"]) == (422, code)


async def test_enabling_forgets_the_failures(api: System, client: Client, records: Records) -> None:
    created = await client.create_webhook(URL)
    subscriptions = Subscriptions(api.database)
    for number in range(2):
        delivery = await records.delivery(created["id"], attempts=(failed_attempt(),))
        await subscriptions.count_failure(
            created["id"], delivery.id, threshold=number + 1 if number else 2, ended_at=utc_now()
        )
    path = f"/api/v1/webhooks/{created['id']}"
    shown = await client.get(path)
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "consecutive_failures")
    assert shown["consecutive_failures"] == 2
    assert shown["disabled_at"] is not None
    enabled = (await client.call("PATCH", path, {"enabled": True})).body
    assert (enabled["enabled"], enabled["consecutive_failures"]) == (True, 0)
    assert (enabled["disabled_reason"], enabled["disabled_at"]) == (None, None)
    counted = await subscriptions.count_failure(created["id"], "dlv_new", threshold=2, ended_at=utc_now())
    assert counted is None
    assert (await client.get(path))["consecutive_failures"] == 1


async def test_disabling_by_hand_says_so_but_keeps_an_earlier_reason(api: System, client: Client) -> None:
    created = await client.create_webhook(URL)
    path = f"/api/v1/webhooks/{created['id']}"
    assert (await client.call("PATCH", path, {"enabled": False})).body["disabled_reason"] == "owner"
    await client.call("PATCH", path, {"enabled": True})
    await Subscriptions(api.database).count_failure(created["id"], "dlv_1", threshold=1, ended_at=utc_now())
    assert (await client.call("PATCH", path, {"enabled": False})).body["disabled_reason"] == "consecutive_failures"


async def test_deleting_removes_the_webhook_and_its_log(api: System, client: Client, records: Records) -> None:
    created, kept = await client.create_webhook(URL), await client.create_webhook(URL)
    gone = await records.delivery(created["id"])
    stays = await records.delivery(kept["id"])
    answer = await client.call("DELETE", f"/api/v1/webhooks/{created['id']}")
    assert (answer.status, answer.body) == (204, None)
    for path in (f"/api/v1/webhooks/{created['id']}", f"/api/v1/deliveries/{gone.id}"):
        assert (await client.call("GET", path)).status == 404
    assert (await client.call("DELETE", f"/api/v1/webhooks/{created['id']}")).status == 404
    assert [item["id"] for item in (await client.get("/api/v1/deliveries"))["items"]] == [stays.id]


async def test_a_deletion_that_broke_off_can_be_repeated(api: System, client: Client, records: Records) -> None:
    created = await client.create_webhook(URL)
    left = await records.delivery(created["id"])
    await api.database.subscriptions.delete_one({"_id": created["id"]})
    assert (await client.call("DELETE", f"/api/v1/webhooks/{created['id']}")).status == 204
    assert (await client.call("GET", f"/api/v1/deliveries/{left.id}")).status == 404


async def test_a_test_is_an_event_of_our_own_on_the_usual_way(api: System, client: Client, tenant: str) -> None:
    created = await client.create_webhook(URL, "certificate.issued")
    first, second = [await client.call("POST", f"/api/v1/webhooks/{created['id']}/test") for _ in range(2)]
    assert (first.status, second.status) == (202, 202)
    assert first.body["delivery_id"].startswith("dlv_")
    assert first.body["delivery_id"] != second.body["delivery_id"]
    event = await api.database.events.find_one({"_id": first.body["event_id"]})
    assert event is not None
    assert (event["tenant_id"], event["source"], event["type"]) == (tenant, "/signalpost", "webhook.test")
    assert event["subject"] == f"webhooks/{created['id']}"


async def test_there_is_an_end_to_how_much_one_may_ask_for(client: Client) -> None:
    for body in (
        {"url": "https://example.com/" + "x" * 2048, "events": ["*"]},
        {"url": URL, "events": ["*"] * 101},
        {"url": URL, "events": []},
        {"url": URL, "events": ["*"], "description": "x" * 501},
        {"url": URL, "events": ["*"], "headers": {f"X-{number}": "1" for number in range(21)}},
        {"url": URL, "events": ["*"], "retry_schedule": ["1s"] * 21},
        {"url": URL, "events": ["*"], "retry_schedule": [86_401]},
        {"url": URL, "events": ["*"], "rate_limit": 0},
        {"url": URL, "events": ["*"], "rate_limit": 1001},
        {"url": URL, "events": ["*"], "rate_limit": "10"},
        {"url": URL, "events": ["*"], "rate_limit": True},
    ):
        assert (await client.call("POST", "/api/v1/webhooks", body)).status == 422, body
