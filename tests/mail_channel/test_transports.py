"""NOTIFICATION_TRANSPORT decides what leaves the house; the rest is recorded, and can be sent once it may."""

from collections.abc import Sequence
from typing import Any

from deploy.local.stack import Stack
from shared.model.event import rfc3339
from shared.process.clock import utc_now
from tests.mail.servers import smtpd
from tests.mail_channel.answering import AnsweringMailbox, new_address
from tests.mail_channel.steps import invitation, smtp_settings
from tests.support.receiver import Receiver
from tests.support.system import Client, System, running_system

WORKERS = ("dispatcher", "webhook", "mailer")


async def switch_to(system: System, transport: str, *, running: Sequence[str]) -> list[str]:
    """Replace the running workers by ones with this transport; returns their names."""
    for name in running:
        await system.services[name].stop()
    started = []
    for command in WORKERS:
        started += await system.services.start(command, environment={"NOTIFICATION_TRANSPORT": transport})
    return [service.name for service in started]


async def recover(client: Client, path: str, **body: object) -> Any:
    since = rfc3339(utc_now().replace(year=2020))
    trial = await client.call("POST", path, {"since": since, "dry_run": True, **body})
    answer = await client.call("POST", path, {"since": since, **body})
    assert (trial.status, answer.status) == (200, 202), (trial, answer)
    assert answer.body["count"] == trial.body["count"]
    return answer.body


async def test_what_may_not_leave_is_skipped_and_all_of_it_can_be_recovered(
    stack: Stack, tenant: str, receiver: Receiver
) -> None:
    addresses = [new_address() for _ in range(4)]
    async with (
        smtpd(AnsweringMailbox()) as mailbox,
        running_system(
            stack, services=("api", *WORKERS), **smtp_settings(mailbox.port), NOTIFICATION_TRANSPORT="disabled"
        ) as system,
    ):
        client = system.client(tenant)
        webhook = await client.create_webhook(receiver.url("/in"), "user.invited")
        for address in addresses[:2]:
            await system.publish(invitation(tenant, address))
        skipped = await system.wait_for_states(tenant, *["skipped"] * 4)
        assert {delivery["reason"] for delivery in skipped} == {"transport_disabled"}
        assert (receiver.requests, mailbox.sessions) == ([], 0)

        running = await switch_to(system, "webhook", running=WORKERS)
        await system.publish(invitation(tenant, addresses[2]))
        await system.wait_for_states(tenant, "delivered", *["skipped"] * 5)
        assert (len(receiver.at("/in")), mailbox.sessions) == (1, 0)
        assert (await recover(client, f"/api/v1/webhooks/{webhook['id']}/recover"))["count"] == 2
        await system.wait_for_states(tenant, *["delivered"] * 3, *["skipped"] * 3)
        assert (await recover(client, "/api/v1/deliveries/recover", channel="email"))["count"] == 3
        await system.wait_for_states(tenant, *["delivered"] * 3, *["skipped"] * 3)
        assert mailbox.sessions == 0

        await switch_to(system, "smtp", running=running)
        await system.publish(invitation(tenant, addresses[3]))
        await system.wait_for_states(tenant, *["delivered"] * 5, *["skipped"] * 3)
        assert (await recover(client, "/api/v1/deliveries/recover", channel="email", limit=2))["count"] == 2
        await system.wait_for_states(tenant, *["delivered"] * 7, "skipped")
        [left] = await system.deliveries(tenant, state="skipped")
        assert left["recipient"] == addresses[2], "the oldest go first"
        assert (await client.call("POST", f"/api/v1/deliveries/{left['_id']}/resend")).status == 202
        await system.wait_for_states(tenant, *["delivered"] * 8)
        assert sorted(mail.rcpt_tos[0] for mail in mailbox.mails) == sorted(addresses)
        assert len(receiver.at("/in")) == 4
