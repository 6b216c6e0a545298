"""Writes `tests/vectors/v1` from the running system: `python -m tests.compatibility.record`.

It was run once, with the first version. To run it again would make the tests compare today with today.
"""

import asyncio

from deploy.local.stack import Stack
from shared.model.topology import DEAD, EVENTS, TO_SEND
from tests.compatibility.vectors import INVITED, TENANT, Message, everything, write
from tests.support.receiver import Receiver, receiving
from tests.support.system import System, certificate, event, running_system
from tests.support.waiting import eventually

INVITATION = {"email": INVITED, "accept_url": "https://app.example.com/invitations/1", "role": "admin"}


async def prepare(system: System, receiver: Receiver) -> None:
    """What a tenant sets up, with everything that can be chosen."""
    client = system.client(TENANT)
    delivered = await client.create_webhook(
        receiver.url("/delivered"), "certificate.*", headers={"X-Team": "pki"}, description="the first one"
    )
    await client.call("POST", f"/api/v1/webhooks/{delivered['id']}/rotate-secret", {"overlap_seconds": 60})
    await client.create_webhook(receiver.script("/retried", 500), "certificate.issued", retry_schedule=["1h"])
    await client.create_webhook(receiver.script("/dead", 404), "certificate.*", "user.*")
    branding = {"app_name": "Wipe", "organization_name": "ACME", "email_templates": {"event_subject": "{{app_name}}"}}
    assert (await client.call("PUT", "/api/v1/branding", branding)).status == 200
    address = {"address": "grace@recorded.example", "events": ["policy.*"]}
    assert (await client.call("POST", "/api/v1/email-subscriptions", address)).status < 300


async def produce(system: System) -> None:
    """One event by broker, one over HTTP."""
    await system.publish(certificate(TENANT, subject="certificates/cert_42"))
    invitation = event("user.invited", INVITATION, tenant=TENANT)
    answer = await system.client(TENANT).call("POST", "/api/v1/events", invitation, **{"Idempotency-Key": "first"})
    assert answer.status == 202


async def messages_in(system: System, queue: str, *, exchange: str, count: int) -> list[Message]:
    """Wait until so many messages lie in a queue and return them as they would be published again."""
    found = await eventually(lambda: system.lying_in(queue), until=lambda seen: len(seen) == count)
    return [
        Message(
            exchange=exchange,
            routing_key=message["routing_key"],
            content_type=message["properties"]["content_type"],
            headers={n: v for n, v in message["properties"].get("headers", {}).items() if not n.startswith("x-")},
            body=message["payload"],
        )
        for message in found
    ]


async def record() -> None:
    """Stop after each stage to look at what lies where."""
    async with Stack("record") as stack, receiving() as receiver, running_system(stack, services=("api",)) as system:
        await prepare(system, receiver)
        await produce(system)
        messages = await messages_in(system, "events.to_dispatch", exchange=EVENTS, count=2)
        write("accepted", documents=await everything(system), messages=messages, receiver=receiver.url(""))

        await system.services.start("dispatcher")
        messages = await messages_in(system, "notifications.to_send.webhook", exchange=TO_SEND, count=4)
        # The request to confirm a mail subscription, and the invitation.
        messages += await messages_in(system, "notifications.to_send.email", exchange=TO_SEND, count=2)
        write("dispatched", documents=await everything(system), messages=messages, receiver=receiver.url(""))

        await system.services.start("webhook")
        await system.services.start("mailer")
        # What has waited there comes back to its consumer with the key it had.
        messages = await messages_in(system, "notifications.retry.1h", exchange=TO_SEND, count=1)
        messages += await messages_in(system, "notifications.dlq.webhook", exchange=DEAD, count=2)
        states = ["delivered"] * 3 + ["dead"] * 2 + ["retrying"]
        await system.wait_for_states(TENANT, *states)
        write("worked", documents=await everything(system), messages=messages, receiver=receiver.url(""))


if __name__ == "__main__":
    asyncio.run(record())
