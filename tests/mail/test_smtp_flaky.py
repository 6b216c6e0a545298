"""A server that refuses nearly a third of what it is told: every mail arrives, and none twice."""

import asyncio
import random
from email import message_from_bytes

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.mailer.client import MailDeferred, MailUnavailable, SmtpPool
from tests.mail.mails import SENDER, a_mail, pool_for, settings
from tests.mail.servers import Mailbox, smtpd

MAILS = 500


class _Moody(Mailbox):
    """Answers three commands of ten with a 4xx, and closes the session with one in three of those."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = 0
        self._chance = random.Random(20261121)

    def _mood(self) -> str | None:
        if self._chance.random() >= 0.3:
            return None
        self.refused += 1
        return self._chance.choice(["421 go away", "450 busy", "451 later"])

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        mood = self._mood()
        return [mood] if mood else responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if mood := self._mood():
            return mood
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if mood := self._mood():
            return mood
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_RSET(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        return self._mood() or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        return self._mood() or await super().handle_DATA(server, session, envelope)


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
        smtpd(_Moody()) as server,
        pool_for(settings(server.port, connections=8)) as pool,
        asyncio.timeout(120),
        asyncio.TaskGroup() as tasks,
    ):
        for number in range(MAILS):
            tasks.create_task(_insist(pool, number))
    assert server.refused > MAILS
    ids = [message_from_bytes(mail.content)["Message-ID"] for mail in server.mails if isinstance(mail.content, bytes)]
    assert len(ids) == MAILS
    assert set(ids) == {f"<dlv_{number}@signalpost.test>" for number in range(MAILS)}
    assert {rcpt for mail in server.mails for rcpt in mail.rcpt_tos} == {
        f"user{number}@example.com" for number in range(MAILS)
    }
