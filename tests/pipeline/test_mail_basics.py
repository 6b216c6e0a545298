"""An invitation reaches the person invited, once, whatever else happens to the event."""

from typing import Any

import aiohttp

from tests.support.system import System, event
from tests.support.waiting import eventually


async def inbox(system: System, recipient: str) -> list[dict[str, Any]]:
    """The mails to this address."""
    assert system.stack.inbox is not None
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(f"{system.stack.inbox.url}/api/v1/messages?limit=1000") as answer,
    ):
        messages = (await answer.json())["messages"]
    return [message for message in messages if recipient in {to["Address"] for to in message["To"]}]


async def test_an_invitation_arrives_once_with_the_message_id_of_its_delivery(system: System, tenant: str) -> None:
    recipient = f"{tenant}@example.com"
    invitation = {"email": recipient, "accept_url": "https://app.example.com/invitations/1", "role": "CLIENT_ADMIN"}
    envelope = event("user.invited", invitation, tenant=tenant)
    for _ in range(3):
        await system.publish(envelope)
    [delivery] = await system.wait_for_states(tenant, "delivered")
    [mail] = await eventually(lambda: inbox(system, recipient))
    assert delivery["_id"] in mail["MessageID"]
    assert (delivery["channel"], delivery["recipient"]) == ("email", recipient)
    assert [attempt["number"] for attempt in delivery["attempts"]] == [1]


async def test_each_recipient_of_a_billing_export_gets_a_mail_of_their_own(system: System, tenant: str) -> None:
    recipients = [f"{name}-{tenant}@example.com" for name in ("ada", "grace")]
    data = {"export_id": f"exp_{tenant}", "recipients": recipients, "download_url": "https://app.example.com/e/1"}
    await system.publish(event("billing.export.ready", data, tenant=tenant))
    for recipient in recipients:
        [mail] = await eventually(lambda address=recipient: inbox(system, address))  # type: ignore[misc]
        assert [to["Address"] for to in mail["To"]] == [recipient]
