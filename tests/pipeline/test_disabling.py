"""A receiver that is gone or keeps failing is disabled once and told of; what is disabled or deleted gets no more."""

import asyncio
import json
from typing import Any

from aiohttp import web

from tests.support.receiver import Answer, Receiver
from tests.support.system import Client, System, certificate, event
from tests.support.waiting import eventually


async def publish_many(system: System, tenant: str, count: int) -> None:
    await asyncio.gather(*(system.publish(certificate(tenant)) for _ in range(count)))


async def webhook_states(system: System, webhook: dict[str, Any]) -> list[str]:
    """The states of a webhook's deliveries, sorted."""
    found = await system.database.deliveries.find({"subscription_id": webhook["id"]}).to_list()
    return sorted(delivery["state"] for delivery in found)


async def wait_for_own(system: System, webhook: dict[str, Any], *states: str) -> None:
    """Wait until the webhook's deliveries are in exactly these states."""
    await eventually(lambda: webhook_states(system, webhook), until=lambda seen: seen == sorted(states))


async def failing_webhook(client: Client, receiver: Receiver, *answers: Answer, **fields: Any) -> dict[str, Any]:
    return await client.create_webhook(receiver.script("/fails", *answers), "certificate.*", **fields)


async def test_410_disables_the_webhook_and_says_so(quick: System, receiver: Receiver, tenant: str) -> None:
    client = quick.client(tenant)
    await client.create_webhook(receiver.url("/watches"), "webhook.*")
    webhook = await failing_webhook(client, receiver, 410)
    await publish_many(quick, tenant, 1)
    [told] = await receiver.wait_for("/watches")
    data = json.loads(told.body)["data"]
    assert (data["webhook_id"], data["reason"]) == (webhook["id"], "gone")
    shown = await client.get(f"/api/v1/webhooks/{webhook['id']}")
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "gone")
    assert shown["disabled_at"] == data["disabled_at"]
    [delivery] = await quick.deliveries(tenant, event_type="certificate.issued")
    assert (delivery["state"], delivery["reason"], delivery["attempts_made"]) == ("dead", "gone", 1)


async def test_ten_dead_deliveries_disable_the_webhook_once_however_many_die_at_the_same_time(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    client = quick.client(tenant)
    await client.create_webhook(receiver.url("/watches"), "webhook.*")
    webhook = await failing_webhook(client, receiver, 404)
    await publish_many(quick, tenant, 40)
    states = await eventually(
        lambda: webhook_states(quick, webhook), until=lambda seen: len(seen) == 40 and {*seen} <= {"dead", "skipped"}
    )
    [told] = await receiver.wait_for("/watches")
    data = json.loads(told.body)["data"]
    assert (data["webhook_id"], data["reason"]) == (webhook["id"], "consecutive_failures")
    assert data["consecutive_failures"] >= 10
    shown = await client.get(f"/api/v1/webhooks/{webhook['id']}")
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "consecutive_failures")
    await wait_until_all_told(quick, tenant, deaths=states.count("dead"))
    assert await quick.database.events.count_documents({"tenant_id": tenant, "type": "webhook.disabled"}) == 1
    assert len(receiver.at("/watches")) == 1


async def wait_until_all_told(system: System, tenant: str, *, deaths: int) -> None:
    """Wait until every death has become an event of its own: by then a webhook.disabled would have, too."""
    wanted = {"tenant_id": tenant, "type": "delivery.dead_lettered"}
    await eventually(lambda: system.database.events.count_documents(wanted), until=lambda count: count == deaths)


async def test_nine_failures_a_success_and_nine_more_disable_nothing(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    client = quick.client(tenant)
    webhook = await failing_webhook(client, receiver, *[404] * 9, 200, 404)
    for count, states in ((9, ["dead"] * 9), (1, ["delivered"] + ["dead"] * 9), (9, ["delivered"] + ["dead"] * 18)):
        await publish_many(quick, tenant, count)
        await wait_for_own(quick, webhook, *states)
    await wait_until_all_told(quick, tenant, deaths=18)
    shown = await client.get(f"/api/v1/webhooks/{webhook['id']}")
    assert (shown["enabled"], shown["consecutive_failures"]) == (True, 9)


async def test_a_receiver_that_takes_two_in_three_is_never_disabled(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    client = quick.client(tenant)
    webhook = await failing_webhook(client, receiver, *[200, 200, 400] * 20)
    await publish_many(quick, tenant, 60)
    await wait_for_own(quick, webhook, *["delivered"] * 40, *["dead"] * 20)
    assert (await client.get(f"/api/v1/webhooks/{webhook['id']}"))["enabled"]


async def test_a_webhook_on_everything_is_charged_once_for_each_event_of_the_product(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    client = quick.client(tenant)
    webhook = await client.create_webhook(receiver.script("/fails", 400), "*")
    await publish_many(quick, tenant, 9)
    await wait_for_own(quick, webhook, *["dead"] * 9)
    await wait_until_all_told(quick, tenant, deaths=9)
    shown = await client.get(f"/api/v1/webhooks/{webhook['id']}")
    assert (shown["enabled"], shown["consecutive_failures"]) == (True, 9)
    await publish_many(quick, tenant, 1)
    await wait_until_all_told(quick, tenant, deaths=10)
    assert not (await client.get(f"/api/v1/webhooks/{webhook['id']}"))["enabled"]
    assert await webhook_states(quick, webhook) == ["dead"] * 10


async def test_the_tenth_failure_in_a_row_disables(quick: System, receiver: Receiver, tenant: str) -> None:
    client = quick.client(tenant)
    webhook = await failing_webhook(client, receiver, 404)
    await publish_many(quick, tenant, 9)
    await wait_for_own(quick, webhook, *["dead"] * 9)
    await wait_until_all_told(quick, tenant, deaths=9)
    assert (await client.get(f"/api/v1/webhooks/{webhook['id']}"))["enabled"]
    await publish_many(quick, tenant, 1)
    await wait_until_all_told(quick, tenant, deaths=10)
    assert not (await client.get(f"/api/v1/webhooks/{webhook['id']}"))["enabled"]


async def test_retries_in_between_do_not_count_as_failures(quick: System, receiver: Receiver, tenant: str) -> None:
    async def last_attempt_only(request: web.Request) -> web.Response:
        return web.Response(status=200 if request.headers["X-Delivery-Attempt"] == "4" else 500)

    client = quick.client(tenant)
    webhook = await failing_webhook(client, receiver, last_attempt_only)
    await publish_many(quick, tenant, 5)
    await wait_for_own(quick, webhook, *["delivered"] * 5)
    shown = await client.get(f"/api/v1/webhooks/{webhook['id']}")
    assert (shown["enabled"], shown["consecutive_failures"]) == (True, 0)


async def test_enabling_again_starts_counting_from_zero(quick: System, receiver: Receiver, tenant: str) -> None:
    client = quick.client(tenant)
    webhook = await failing_webhook(client, receiver, 404)
    await publish_many(quick, tenant, 10)
    await wait_for_own(quick, webhook, *["dead"] * 10)
    await wait_until_all_told(quick, tenant, deaths=10)
    answer = await client.call("PATCH", f"/api/v1/webhooks/{webhook['id']}", {"enabled": True})
    assert (answer.status, answer.body["enabled"], answer.body["consecutive_failures"]) == (200, True, 0)
    assert answer.body["disabled_reason"] is None
    await publish_many(quick, tenant, 1)
    await wait_until_all_told(quick, tenant, deaths=11)
    shown = await client.get(f"/api/v1/webhooks/{webhook['id']}")
    assert (shown["enabled"], shown["consecutive_failures"]) == (True, 1)


async def test_events_of_a_disabled_webhook_are_recorded_as_skipped_and_not_sent(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    client = quick.client(tenant)
    webhook = await client.create_webhook(receiver.url("/"), enabled=False)
    await publish_many(quick, tenant, 3)
    deliveries = await quick.wait_for_states(tenant, "skipped", "skipped", "skipped")
    assert {(delivery["reason"], delivery["attempts_made"]) for delivery in deliveries} == {("webhook_disabled", 0)}
    await client.call("PATCH", f"/api/v1/webhooks/{webhook['id']}", {"enabled": True})
    await publish_many(quick, tenant, 1)
    await receiver.wait_for("/")
    assert len(receiver.at("/")) == 1, "only what was published after enabling"


async def wait_past_its_retry(system: System, receiver: Receiver, tenant: str) -> None:
    """Wait until a delivery that was begun later and waits longer than 1.2 s has had its second attempt."""
    await system.client(tenant).create_webhook(receiver.script("/clock", 500), "signer.*", retry_schedule=["3s"])
    await system.publish(event("signer.created", {"signer_id": "s_1"}, tenant=tenant))
    await receiver.wait_for("/clock", 2)


async def test_disabling_a_webhook_stops_its_retries_and_they_become_dead(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    client = quick.client(tenant)
    webhook = await failing_webhook(client, receiver, 500, 200, retry_schedule=["1s"])
    await publish_many(quick, tenant, 1)
    await wait_for_own(quick, webhook, "retrying")
    await client.call("PATCH", f"/api/v1/webhooks/{webhook['id']}", {"enabled": False})
    letter = await quick.wait_for_dead_letter("webhook", "subscription-id", webhook["id"])
    headers = letter["properties"]["headers"]
    assert (headers["dead-reason"], headers["dead-attempts"], headers["dead-status"]) == ("webhook_disabled", 1, 500)
    await wait_past_its_retry(quick, receiver, tenant)
    assert len(receiver.at("/fails")) == 1
    shown = await client.get(f"/api/v1/webhooks/{webhook['id']}")
    assert shown["consecutive_failures"] == 0, "its owner's doing is not the receiver's"


async def test_deleting_a_webhook_stops_its_retries_and_removes_its_log(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    client = quick.client(tenant)
    webhook = await failing_webhook(client, receiver, 500, 200, retry_schedule=["1s"])
    await publish_many(quick, tenant, 1)
    await wait_for_own(quick, webhook, "retrying")
    assert (await client.call("DELETE", f"/api/v1/webhooks/{webhook['id']}")).status == 204
    await wait_for_own(quick, webhook)
    await wait_past_its_retry(quick, receiver, tenant)
    assert len(receiver.at("/fails")) == 1
    assert await webhook_states(quick, webhook) == []
    assert (await client.call("GET", f"/api/v1/webhooks/{webhook['id']}/deliveries")).status == 404
