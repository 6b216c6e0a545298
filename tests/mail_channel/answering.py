"""A mail server that answers each recipient by a script of its own, and the mails it took, read as a recipient would.

One server serves all tests at once, because each test writes to addresses that nobody else uses.
"""

import email
import email.policy
from collections import defaultdict
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from uuid import uuid4

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.mail.servers import Mailbox
from tests.support.waiting import eventually_here

Answer = str | Callable[[], Awaitable[str]]
"""What the server says to the payload: a reply, or something to wait for that ends in one."""


def new_address(name: str = "ada") -> str:
    """An address that no other test writes to."""
    return f"{name}.{uuid4().hex[:8]}@example.com"


def parsed(envelope: Envelope) -> EmailMessage:
    """The mail in an envelope."""
    content = envelope.content
    assert isinstance(content, bytes)
    return email.message_from_bytes(content, policy=email.policy.default)


def text_of(mail: EmailMessage) -> str:
    """A mail's plain text, with plain line ends."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


class AnsweringMailbox(Mailbox):
    """Takes every mail unless told otherwise; the last answer of a script goes on for ever."""

    def __init__(self) -> None:
        super().__init__()
        self._scripts: dict[str, list[Answer]] = {}
        self.offered: defaultdict[str, list[EmailMessage]] = defaultdict(list)
        """Each mail as often as its payload came, whatever the answer was."""

    def script(self, address: str, *answers: Answer) -> str:
        """Answer the payloads for an address like this, one after the other; returns the address."""
        self._scripts[address] = list(answers)
        return address

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer by the recipient's script."""
        [recipient] = envelope.rcpt_tos
        self.offered[recipient].append(parsed(envelope))
        script = self._scripts.get(recipient, ["250 taken"])
        answer = script.pop(0) if len(script) > 1 else script[0]
        reply = answer if isinstance(answer, str) else await answer()
        if reply.startswith("2"):
            self.mails.append(envelope)
        return reply

    def to(self, address: str) -> list[EmailMessage]:
        """The mails taken for an address."""
        return [parsed(envelope) for envelope in self.mails if envelope.rcpt_tos == [address]]

    async def wait_for(self, address: str, count: int = 1, *, within: float = 20.0) -> list[EmailMessage]:
        """Wait until so many mails were taken for an address."""
        return await eventually_here(lambda: self.to(address), until=lambda seen: len(seen) >= count, within=within)
