"""A server that refuses nearly a third of what it is told: every mail arrives, and none twice."""

import asyncio
from email import message_from_bytes

from services.mailer.answer import MailDeferred, MailUnavailable
from services.mailer.client import SmtpPool
from tests.mail.mails import SENDER, a_mail, pool_for, settings
from tests.mail.moody import Moody
from tests.mail.servers import smtpd

MAILS = 500


async def _insist(pool: SmtpPool, number: int) -> None:
    recipient = f"user{number}@example.com"
    mail = a_mail(number, recipient=recipient)
    while True:
        try:
            await pool.send(mail, sender=SENDER.address, recipient=recipient)
        except MailUnavailable:
            continue
        except MailDeferred as fault:
            assert not fault.unknown_outcome  # noqa: PT017 the server always answers
        else:
            return


async def test_500_mails_survive_a_server_that_fails_a_third_of_all_commands() -> None:
    async with (
        smtpd(Moody()) as server,
        pool_for(settings(server.port, connections=8)) as pool,
        asyncio.timeout(120),
        asyncio.TaskGroup() as tasks,
    ):
        for number in range(MAILS):
            tasks.create_task(_insist(pool, number))
    assert server.refused.total() > MAILS
    ids = [message_from_bytes(mail.content)["Message-ID"] for mail in server.mails if isinstance(mail.content, bytes)]
    assert len(ids) == MAILS
    assert set(ids) == {f"<dlv_{number}@signalpost.test>" for number in range(MAILS)}
    assert {rcpt for mail in server.mails for rcpt in mail.rcpt_tos} == {
        f"user{number}@example.com" for number in range(MAILS)
    }
