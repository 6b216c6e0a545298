"""Nobody can subscribe a stranger: an address gets nothing but a request to confirm until its reader has said yes."""

import asyncio
import re
from typing import Any

import pytest

from shared.model.topology import EMAIL, to_send_queue
from shared.process.clock import utc_now
from shared.secrets.signed_links import Purpose
from tests.mail_channel.answering import AnsweringMailbox, new_address, text_of
from tests.mail_channel.steps import ONE_CLICK, PUBLIC_URL, follow, invitation, links
from tests.support.system import Client, System, certificate
from tests.support.waiting import eventually, eventually_here

ROUTE = "/api/v1/email-subscriptions"


async def subscribe(client: Client, address: str, *events: str) -> dict[str, Any]:
    answer = await client.call("POST", ROUTE, {"address": address, "events": list(events or ("certificate.*",))})
    assert answer.status == 201, answer
    assert isinstance(answer.body, dict)
    return answer.body


async def status_of(client: Client, subscription_id: str) -> str:
    [found] = [item for item in (await client.get(ROUTE))["items"] if item["id"] == subscription_id]
    return str(found["status"])


def link_in(text: str, purpose: Purpose) -> str:
    found = re.search(rf"{re.escape(PUBLIC_URL)}/email-subscriptions/{purpose}\?token=\S+", text)
    assert found is not None, text
    return found[0]


async def subscribed(client: Client, system: System, mailbox: AnsweringMailbox, address: str) -> dict[str, Any]:
    """Subscribe an address and confirm it."""
    made = await subscribe(client, address)
    [request] = await mailbox.wait_for(address)
    assert (await follow(system, link_in(text_of(request), Purpose.CONFIRM), "POST"))[0] == 200
    return made


async def publish_and_dispatch(system: System, client: Client, tenant: str, number: str) -> dict[str, Any]:
    """Publish an event and wait until it is dispatched; returns what the API says about it."""
    await system.publish(certificate(tenant, number))

    async def look() -> list[dict[str, Any]]:
        page = await client.get("/api/v1/events?type=certificate.issued&limit=1")
        newest = [await client.get(f"/api/v1/events/{item['id']}") for item in page["items"]]
        return [item for item in newest if item["data"]["certificate_id"] == number]

    return (await eventually(look))[0]


async def throw_away_tasks(system: System) -> None:
    """Lose what waits for the mailer, as a broker does that is lost."""
    assert system.stack.rabbitmq is not None
    path = f"/api/queues/{system.vhost}/{to_send_queue(EMAIL)}/contents"
    await system.stack.rabbitmq.management("DELETE", path)


async def test_an_address_gets_events_only_between_its_yes_and_its_no(
    mail_system: System, mailbox: AnsweringMailbox, client: Client, tenant: str
) -> None:
    address = new_address()
    made = await subscribe(client, address)
    assert made["status"] == "pending"
    [request] = await mailbox.wait_for(address)
    confirm = link_in(text_of(request), Purpose.CONFIRM)
    assert "List-Unsubscribe" not in request
    early = await publish_and_dispatch(mail_system, client, tenant, "before")
    assert (early["matched"], early["subscriptions"][0]["explanation"]) == (
        0,
        "Not matched: its address has not been confirmed yet.",
    )

    status, page = await follow(mail_system, confirm)
    assert (status, "certificate.*" in page, '<form method="post">' in page) == (200, True, True)
    assert await status_of(client, made["id"]) == "pending", "programs that look at mails open every link"
    assert (await follow(mail_system, confirm, "POST"))[0] == 200
    assert await status_of(client, made["id"]) == "confirmed"

    await mail_system.publish(certificate(tenant, "wanted"))
    _, mail = await mailbox.wait_for(address, 2)
    assert "wanted" in text_of(mail)
    unsubscribe = link_in(text_of(mail), Purpose.UNSUBSCRIBE)
    assert mail["List-Unsubscribe"] == f"<{unsubscribe}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    assert (await follow(mail_system, unsubscribe))[0] == 200
    assert await status_of(client, made["id"]) == "confirmed"
    assert (await follow(mail_system, unsubscribe, "POST", **ONE_CLICK))[0] == 200
    assert await status_of(client, made["id"]) == "unsubscribed"
    late = await publish_and_dispatch(mail_system, client, tenant, "after")
    assert (late["matched"], late["subscriptions"][0]["explanation"]) == (
        0,
        "Not matched: its recipient has unsubscribed.",
    )
    assert len(mailbox.to(address)) == 2


async def test_asking_for_an_address_again_sets_its_events_and_sends_no_second_request(
    mail_system: System, mailbox: AnsweringMailbox, client: Client
) -> None:
    address = new_address()
    made = await subscribe(client, address)
    assert made["confirmation_delivery_id"] is not None
    [request] = await mailbox.wait_for(address)
    for spelling in (address, address.upper(), address.replace("@example", "@EXAMPLE")):
        answer = await client.call("POST", ROUTE, {"address": spelling, "events": ["signer.*"]})
        assert (answer.status, answer.body["id"]) == (200, made["id"])
        assert (answer.body["events"], answer.body["confirmation_delivery_id"]) == (["signer.*"], None)
    assert len((await client.get(ROUTE))["items"]) == 1

    assert (await client.call("DELETE", f"{ROUTE}/{made['id']}")).status == 204
    confirm = link_in(text_of(request), Purpose.CONFIRM)
    assert (await follow(mail_system, confirm, "POST"))[0] == 400, "there is nothing to confirm"
    again = await subscribe(client, address)
    assert again["confirmation_delivery_id"] is None, "deleting must not get around the limit"
    assert await client.get("/api/v1/deliveries") == {"items": [], "next_cursor": None}
    assert len(mailbox.to(address)) == 1


async def test_a_request_to_confirm_cannot_be_sent_again_and_again(
    mail_system: System, mailbox: AnsweringMailbox, client: Client, tenant: str
) -> None:
    address = new_address()
    made = await subscribe(client, address)
    await mail_system.wait_for_states(tenant, "delivered")
    resent = await client.call("POST", f"/api/v1/deliveries/{made['confirmation_delivery_id']}/resend")
    assert (resent.status, resent.body["code"]) == (409, "confirmation_sent")
    assert len(mailbox.to(address)) == 1


async def test_a_request_to_confirm_that_never_reached_the_broker_is_sent_by_the_reconciler(
    mail_system: System, mailbox: AnsweringMailbox, client: Client, tenant: str
) -> None:
    address = new_address()
    mailer = mail_system.services["mailer"]
    await mailer.stop()
    made = await subscribe(client, address)
    await throw_away_tasks(mail_system)
    await mailer.start()
    [request] = await mailbox.wait_for(address)
    assert (await follow(mail_system, link_in(text_of(request), Purpose.CONFIRM), "POST"))[0] == 200
    assert await status_of(client, made["id"]) == "confirmed"


async def test_a_day_has_an_end_to_the_addresses_that_one_tenant_can_have_asked(
    mail_system: System, client: Client, tenant: str
) -> None:
    now = utc_now()
    await mail_system.database.confirmations.insert_many(
        [{"_id": f"{tenant} {number}", "tenant_id": tenant, "asked_at": now, "requests": 1} for number in range(100)]
    )
    answer = await client.call("POST", ROUTE, {"address": new_address(), "events": ["*"]})
    assert (answer.status, answer.body["code"]) == (429, "too_many_confirmations")
    assert answer.headers["Retry-After"]
    assert (await client.get(ROUTE))["items"] == []


async def test_a_mail_that_waits_is_not_sent_to_somebody_who_unsubscribed_meanwhile(
    mail_system: System, mailbox: AnsweringMailbox, client: Client, tenant: str
) -> None:
    address, unsubscribed = new_address(), asyncio.Event()
    made = await subscribed(client, mail_system, mailbox, address)

    async def defer() -> str:
        await unsubscribed.wait()
        return "451 later"

    mailbox.script(address, defer, "250 taken")
    await mail_system.publish(certificate(tenant, "1"))

    await eventually_here(lambda: len(mailbox.offered[address]), until=lambda count: count == 2)
    link = links().url(Purpose.UNSUBSCRIBE, made["id"], address, now=utc_now())
    assert (await follow(mail_system, link, "POST"))[0] == 200
    unsubscribed.set()
    await mail_system.wait_for_states(tenant, "delivered", "skipped")
    [skipped] = await mail_system.deliveries(tenant, state="skipped")
    assert (skipped["reason"], skipped["attempts_made"]) == ("unconfirmed", 1)
    assert len(mailbox.to(address)) == 1, "the request to confirm"


async def test_a_link_for_another_purpose_or_address_or_without_our_signature_changes_nothing(
    mail_system: System, mailbox: AnsweringMailbox, client: Client
) -> None:
    address = new_address()
    made = await subscribe(client, address)
    now, base = utc_now(), f"{PUBLIC_URL}/email-subscriptions"
    good = links().url(Purpose.CONFIRM, made["id"], address, now=now)
    wrong = [
        f"{base}/confirm",
        f"{base}/confirm?token=",
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good.replace(made["id"], "es_other"),
        links().url(Purpose.UNSUBSCRIBE, made["id"], address, now=now).replace("/unsubscribe?", "/confirm?"),
        links().url(Purpose.CONFIRM, made["id"], "stranger@example.com", now=now),
        links().url(Purpose.CONFIRM, made["id"], address, now=now.replace(year=now.year - 1)),
    ]
    for link in wrong:
        for method in ("GET", "POST"):
            assert (await follow(mail_system, link, method))[0] == 400, link
    assert await status_of(client, made["id"]) == "pending"
    assert (await follow(mail_system, good, "POST"))[0] == 200


async def test_no_link_is_in_the_database_the_log_or_a_header_of_the_task(
    mail_system: System, mailbox: AnsweringMailbox, client: Client, tenant: str
) -> None:
    address = new_address()
    await subscribed(client, mail_system, mailbox, address)
    [request] = mailbox.to(address)
    signature = link_in(text_of(request), Purpose.CONFIRM).rpartition(".")[2]
    database = mail_system.database
    for collection in (database.events, database.deliveries, database.subscriptions, database.confirmations):
        assert signature not in repr(await collection.find({"tenant_id": tenant}).to_list())
    assert "email_subscription.confirmed" in mail_system.logs()
    assert signature not in mail_system.logs()


async def test_an_invitation_has_no_way_out_because_nobody_subscribed(
    mail_system: System, mailbox: AnsweringMailbox, tenant: str
) -> None:
    address = new_address()
    await mail_system.publish(invitation(tenant, address))
    [mail] = await mailbox.wait_for(address)
    assert "List-Unsubscribe" not in mail
    assert "nsubscribe" not in text_of(mail)


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "ada@",
        "@example.com",
        "ada@example.com, eve@example.com",
        "Ada <ada@example.com>",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@exa mple.com",
        '"ada"@example.com',
    ],
)
async def test_what_is_no_bare_address_is_refused_together_with_all_other_faults(
    client: Client, address: str
) -> None:
    body = {"address": address, "events": ["certificate.issued", "nothing.like.this", "*.issued"]}
    answer = await client.call("POST", ROUTE, body)
    assert answer.status == 422
    assert [error["field"] for error in answer.body["errors"]] == ["address", "events.1", "events.2"]
    assert (await client.get(ROUTE))["items"] == []
