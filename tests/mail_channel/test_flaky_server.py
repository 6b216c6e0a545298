"""A server that fails three commands of ten: every mail arrives, and none twice."""

import asyncio
import random
from collections import Counter

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.stack import Stack
from tests.mail.servers import Mailbox, smtpd
from tests.mail_channel.answering import parsed
from tests.mail_channel.steps import invitation, smtp_settings
from tests.support.system import running_system
from tests.support.waiting import eventually

MAILS = 500
MOST_REFUSALS = 5
"""Of one recipient's commands, so that 21 attempts are practically always enough (all but once in 4,000 runs)."""


class Moody(Mailbox):
    """Answers three commands of ten with a 4xx, and ends the session with one in three of those."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: Counter[str] = Counter()
        self._chance = random.Random(20261122)

    def _mood(self, who: str) -> str | None:
        if self._chance.random() >= 0.3:
            return None
        self.refused[who] += 1
        return self._chance.choice(["421 go away", "450 busy", "451 later"])

    def _mood_for(self, recipient: str) -> str | None:
        return self._mood(recipient) if self.refused[recipient] < MOST_REFUSALS else None

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        mood = self._mood("EHLO")
        return [mood] if mood else responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if mood := self._mood("MAIL"):
            return mood
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if mood := self._mood_for(address):
            return mood
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_RSET(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        return self._mood("RSET") or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        return self._mood_for(envelope.rcpt_tos[0]) or await super().handle_DATA(server, session, envelope)


async def test_500_mails_survive_a_server_that_fails_three_commands_of_ten(stack: Stack, tenant: str) -> None:
    schedule = ",".join(["100ms"] * 20)
    async with (
        smtpd(Moody()) as server,
        running_system(
            stack,
            services=("dispatcher", "mailer"),
            **smtp_settings(server.port),
            NOTIFICATION_RETRY_SCHEDULE=schedule,
        ) as system,
    ):
        addresses = [f"user{number}@example.com" for number in range(MAILS)]
        await asyncio.gather(*(system.publish(invitation(tenant, address)) for address in addresses))

        async def ended() -> int:
            return await system.database.deliveries.count_documents({"state": {"$in": ["delivered", "dead"]}})

        await eventually(ended, until=lambda count: count == MAILS, within=120)
        assert {delivery["state"] for delivery in await system.deliveries(tenant)} == {"delivered"}
        ids = [parsed(mail)["Message-ID"] for mail in server.mails]
        assert len(ids) == len(set(ids)) == MAILS
        assert {mail.rcpt_tos[0] for mail in server.mails} == set(addresses)
        assert server.refused.total() > MAILS
