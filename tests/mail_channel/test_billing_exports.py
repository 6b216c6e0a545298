"""Every turn that a mail about a billing export takes is recorded, shown, and told as an event, exactly once."""

import json
from datetime import timedelta
from typing import Any

from shared.process.clock import utc_now
from tests.mail_channel.answering import AnsweringMailbox, new_address
from tests.support.receiver import Receiver
from tests.support.system import Client, System, event, new_tenant
from tests.support.waiting import eventually

UPDATED = "billing.export.delivery_updated"


def export(tenant: str, export_id: str, *recipients: str) -> dict[str, Any]:
    data = {"export_id": export_id, "recipients": recipients, "download_url": "https://app.example.com/exports/1"}
    return event("billing.export.ready", data, tenant=tenant)


async def test_every_update_is_emitted_once_and_the_log_of_the_export_shows_the_same(
    mail_system: System, mailbox: AnsweringMailbox, client: Client, tenant: str, receiver: Receiver
) -> None:
    taken, refused = new_address("taken"), mailbox.script(new_address("refused"), "550 5.1.1 no such user")
    deferred = mailbox.script(new_address("deferred"), "451 later", "250 taken")
    lost = mailbox.script(new_address("lost"), "452 full")
    await client.create_webhook(receiver.url("/updates"), UPDATED)
    await mail_system.publish(export(tenant, "exp_5", taken, refused, deferred, lost))
    requests = await receiver.wait_for("/updates", 7)
    updates = [json.loads(request.body)["data"] for request in requests]
    assert sorted((u["recipient"], u["attempts"], u["state"]) for u in updates) == sorted(
        [
            (taken, 1, "delivered"),
            (refused, 1, "dead"),
            (deferred, 1, "retrying"),
            (deferred, 2, "delivered"),
            (lost, 1, "retrying"),
            (lost, 2, "retrying"),
            (lost, 3, "dead"),
        ]
    )
    assert {u["export_id"] for u in updates} == {"exp_5"}

    page = await client.get("/api/v1/billing-exports/exp_5/deliveries")
    shown = {item["recipient"]: item for item in page["items"]}
    assert {recipient: (item["state"], item["attempts"]) for recipient, item in shown.items()} == {
        taken: ("delivered", 1),
        refused: ("dead", 1),
        deferred: ("delivered", 2),
        lost: ("dead", 3),
    }
    assert shown[taken]["message_id"] == mailbox.to(taken)[0]["Message-ID"]
    assert (shown[taken]["last_error"], shown[taken]["delivered_at"]) == (None, shown[taken]["updated_at"])
    assert "no such user" in shown[refused]["last_error"]
    last = next(u for u in updates if (u["recipient"], u["state"]) == (refused, "dead"))
    assert (last["last_error"], last["message_id"]) == (
        shown[refused]["last_error"],
        shown[refused]["message_id"],
    )
    await mail_system.wait_for_states(tenant, *["delivered"] * 9, *["dead"] * 2)
    events = await mail_system.database.events.find({"tenant_id": tenant}).to_list()
    assert sorted(found["type"] for found in events) == sorted(
        ["billing.export.ready", *[UPDATED] * 7, *["delivery.dead_lettered"] * 2]
    ), "an update of an update would never end"


async def test_the_deliveries_of_an_export_come_in_pages_and_to_its_tenant_alone(
    mail_system: System, client: Client, tenant: str
) -> None:
    addresses = [new_address() for _ in range(3)]
    await mail_system.publish(export(tenant, "exp_6", *addresses))
    await mail_system.publish(export(tenant, "exp_7", new_address()))
    await mail_system.wait_for_states(tenant, *["delivered"] * 4)
    route = "/api/v1/billing-exports/exp_6/deliveries"
    first = await client.get(f"{route}?limit=2")
    second = await client.get(f"{route}?limit=2&cursor={first['next_cursor']}")
    found = [item["recipient"] for item in first["items"] + second["items"]]
    assert (sorted(found), second["next_cursor"]) == (sorted(addresses), None)
    stranger = mail_system.client(new_tenant())
    for path in (route, "/api/v1/billing-exports/exp_8/deliveries"):
        assert (await stranger.call("GET", path)).status == 404


async def test_an_end_that_a_crash_left_untold_is_told_and_no_mail_is_sent_for_it(
    mail_system: System, mailbox: AnsweringMailbox, tenant: str
) -> None:
    address = new_address()
    await mail_system.publish(export(tenant, "exp_9", address))
    [delivery] = await mail_system.wait_for_states(tenant, "delivered")
    events = mail_system.database.events

    async def told() -> Any:
        return await events.find_one({"tenant_id": tenant, "type": UPDATED, "dispatched_at": {"$ne": None}})

    async def owes() -> bool:
        [stored] = await mail_system.deliveries(tenant)
        return "due_at" in stored

    first = await eventually(told)
    await eventually(owes, until=lambda owing: not owing)  # else it would take back what is done now
    # As a mailer leaves it that dies between the record and the event.
    await events.delete_one({"_id": first["_id"]})
    overdue = utc_now() - timedelta(minutes=1)
    await mail_system.database.deliveries.update_one({"_id": delivery["_id"]}, {"$set": {"due_at": overdue}})
    again = await eventually(told)
    assert (again["_id"], again["data"]) == (first["_id"], first["data"])

    await eventually(owes, until=lambda owing: not owing)
    assert len(mailbox.offered[address]) == 1
