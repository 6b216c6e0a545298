"""Composes one mail as a MIME message. Pure: no clock, no I/O, and only the boundary is random.

A delivery has the same Message-ID on every attempt, so that recipients can recognise a mail that was sent twice
because the answer to the first was lost.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, unquote
from secrets import token_hex

from services.mailer.headers import MAIL_POLICY, MAIL_POLICY_UTF8
from shared.mail.address import InvalidMailAddress, mailbox, needs_smtputf8
from shared.mail.templates import RenderedMail
from shared.mail.values import CONTROL

# Not email.utils.parseaddr: it turns `a@b c` into `a@bc` and drops a second address.
_NAME_AND_ADDRESS = re.compile(r'(?P<name>"(?:[^"\\]|\\.)*"|[^<>"]*?)\s*<(?P<address>[^<>]*)>')
_LONGEST_LINE = 998  # RFC 5322 section 2.1.1


@dataclass(frozen=True, kw_only=True)
class SenderAddress:
    """The sender of all mails: a display name (may be empty) and the address for replies and bounces."""

    name: str
    address: str


def parse_sender(text: str) -> SenderAddress:
    """Read NOTIFICATION_SMTP_FROM: `a@b` or `Name <a@b>`. Raises InvalidMailAddress.

    The address must be ASCII: any other can send only through SMTPUTF8 servers.
    """
    named = _NAME_AND_ADDRESS.fullmatch(text.strip())
    name, address = (unquote(named["name"]), named["address"]) if named else ("", text)
    if CONTROL.search(text) or "=?" in name:
        raise InvalidMailAddress(f"{text!r} is neither an address nor of the form Name <address>")
    address = mailbox(address)
    if needs_smtputf8(address):
        raise InvalidMailAddress(f"{text!r} has a local part that isn't ASCII; not every server can take that")
    return SenderAddress(name=name, address=address)


def compose(
    *,
    delivery_id: str,
    event_id: str,
    sender: SenderAddress,
    recipient: str,
    rendered: RenderedMail,
    date: datetime,
    list_unsubscribe_url: str | None = None,
) -> EmailMessage:
    """Return the message to one recipient; `date` must be aware. Raises InvalidMailAddress for the recipient.

    A `list_unsubscribe_url` must accept RFC 8058's one-click POST; mail programs honour it only if it is https.
    """
    address = mailbox(recipient)
    message = EmailMessage(policy=MAIL_POLICY_UTF8 if needs_smtputf8(address) else MAIL_POLICY)
    message["From"] = Address(display_name=sender.name, addr_spec=sender.address)
    message["To"] = address
    message["Subject"] = rendered.subject
    message["Date"] = format_datetime(date)
    message["Message-ID"] = message_id(delivery_id, sender)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: keeps out-of-office answers away
    message["X-Signalpost-Event"] = event_id
    if list_unsubscribe_url:
        _add_unsubscribe(message, list_unsubscribe_url)
    message.set_content(rendered.text)
    # Random enough to occur in no text; the library would search the text for its own boundary.
    message.make_alternative(boundary=f"=_{token_hex(12)}")
    message.add_alternative(rendered.html, subtype="html")
    return message


def message_id(delivery_id: str, sender: SenderAddress) -> str:
    """Return a delivery's Message-ID with its angle brackets: the same on every attempt."""
    return f"<{delivery_id}@{sender.address.rpartition('@')[2]}>"


def _add_unsubscribe(message: EmailMessage, url: str) -> None:
    value = f"<{url}>"
    if (
        not url.isascii()
        or any(sign in url for sign in " <>")
        or len(value) > _LONGEST_LINE - len("List-Unsubscribe: ")
    ):
        raise ValueError("an unsubscribe URL is ASCII, without spaces or angle brackets, and fits on one line")
    message["List-Unsubscribe"] = value
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
