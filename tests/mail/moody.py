"""An SMTP server that refuses nearly a third of what it is told, but nobody for ever."""

import random
from collections import Counter

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.mail.servers import Mailbox

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
