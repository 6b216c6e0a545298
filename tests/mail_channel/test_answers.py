"""What the mail server answers decides what becomes of a mail, and the log and the dead letters say so."""

import asyncio

from tests.mail_channel.answering import AnsweringMailbox, new_address, text_of
from tests.mail_channel.steps import ACCEPT_URL, invitation
from tests.support.system import Client, System


async def test_a_mail_that_is_deferred_once_arrives_once_and_both_attempts_are_in_the_log(
    mail_system: System, mailbox: AnsweringMailbox, client: Client, tenant: str
) -> None:
    address = mailbox.script(new_address(), "451 4.3.0 try again later", "250 taken")
    await mail_system.publish(invitation(tenant, address))
    [delivery] = await mail_system.wait_for_states(tenant, "delivered")
    [mail] = mailbox.to(address)
    assert ACCEPT_URL in text_of(mail)
    shown = await client.get(f"/api/v1/deliveries/{delivery['_id']}")
    assert [(a["number"], a["status"], a["error"]) for a in shown["attempts"]] == [
        (1, 451, "smtp_4xx"),
        (2, 250, None),
    ]
    assert "try again later" in shown["attempts"][0]["detail"]


async def test_a_refused_mail_is_tried_once_and_its_dead_letter_holds_what_the_server_said(
    mail_system: System, mailbox: AnsweringMailbox, tenant: str
) -> None:
    address = mailbox.script(new_address(), "550 5.1.1 nobody of that name works here")
    await mail_system.publish(invitation(tenant, address))
    [delivery] = await mail_system.wait_for_states(tenant, "dead")
    assert (delivery["attempts_made"], delivery["reason"]) == (1, "smtp_rejected")
    letter = await mail_system.wait_for_dead_letter("email", "delivery-id", delivery["_id"])
    headers = letter["properties"]["headers"]
    assert (headers["dead-reason"], headers["dead-status"], headers["dead-attempts"]) == ("smtp_rejected", 550, 1)
    assert "nobody of that name works here" in headers["dead-detail"]
    assert headers["dead-target"] == address
    assert mailbox.to(address) == []
    assert len(mailbox.offered[address]) == 1


async def test_a_mail_whose_answer_is_lost_is_sent_again_under_the_same_id_and_the_log_says_it_may_have_arrived(
    mail_system: System, mailbox: AnsweringMailbox, client: Client, tenant: str
) -> None:
    async def never() -> str:
        await asyncio.Event().wait()
        return ""

    address = mailbox.script(new_address(), never, "250 taken")
    await mail_system.publish(invitation(tenant, address))
    [delivery] = await mail_system.wait_for_states(tenant, "delivered")
    first, second = mailbox.offered[address]
    assert first["Message-ID"] == second["Message-ID"] == delivery["attempts"][0]["message_id"]
    shown = await client.get(f"/api/v1/deliveries/{delivery['_id']}")
    assert [(a["error"], a["unknown_outcome"]) for a in shown["attempts"]] == [("timeout", True), (None, False)]
