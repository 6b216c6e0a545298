"""The mails of the inbox: the newest thousand, kept in memory and, to outlive a restart, as one file each.

Reads what came over SMTP and shapes it as Mailpit's API does (https://mailpit.axllent.org/docs/api-v1/), so that
so code that looks for a mail here works with Mailpit too. Knows nothing of sockets.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from pathlib import Path
from typing import Any

LIMIT = 1000
_SNIPPET = 250  # characters


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail as it came in; `raw` holds its bytes as Latin-1 text."""

    number: int
    identity: str
    created: str
    sender: str
    recipients: tuple[str, ...]
    raw: str

    def parsed(self) -> EmailMessage:
        """The message as headers and parts."""
        message = message_from_bytes(self.raw.encode("latin-1"), policy=default)
        assert isinstance(message, EmailMessage)  # noqa: S101 - the policy's promise, which the type doesn't tell
        return message

    def summary(self) -> dict[str, Any]:
        """An element of `GET /api/v1/messages`."""
        message = self.parsed()
        senders = _addresses(message, "From")
        visible = {field: _addresses(message, field) for field in ("To", "Cc")}
        named = {entry["Address"].lower() for entries in visible.values() for entry in entries}
        hidden = [{"Name": "", "Address": rcpt} for rcpt in self.recipients if rcpt.lower() not in named]
        return {
            "ID": self.identity,
            "MessageID": (message["Message-ID"] or "").strip().strip("<>"),
            "Read": False,
            "From": senders[0] if senders else {"Name": "", "Address": self.sender},
            **visible,
            "Bcc": hidden,
            "ReplyTo": _addresses(message, "Reply-To"),
            "Subject": message["Subject"] or "",
            "Created": self.created,
            "Tags": [],
            "Size": len(self.raw),
            "Attachments": sum(1 for _ in message.iter_attachments()),
            "Snippet": " ".join(_body(message, "plain").split())[:_SNIPPET],
        }

    def details(self) -> dict[str, Any]:
        """The answer of `GET /api/v1/message/{ID}`."""
        message = self.parsed()
        bodies = {"ReturnPath": self.sender, "Text": _body(message, "plain"), "HTML": _body(message, "html")}
        return {**self.summary(), "Date": self.created, **bodies}

    def headers(self) -> dict[str, list[str]]:
        """The answer of `GET /api/v1/message/{ID}/headers`."""
        fields: dict[str, list[str]] = {}
        for name, value in self.parsed().items():
            fields.setdefault(name, []).append(str(value))
        return fields


class Mailbox:
    """All mails of one inbox, in the order in which they came."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self._folder = folder
        self._limit = limit
        files = sorted(folder.glob("*.json"))  # a half-written one ends in .part
        mails = [Mail(**{**fields, "recipients": tuple(fields["recipients"])}) for fields in map(_load, files)]
        self._mails = {mail.identity: mail for mail in mails}
        self._next = mails[-1].number + 1 if mails else 1

    def add(self, raw: bytes, *, sender: str, recipients: list[str]) -> Mail:
        """Keep a mail and drop the oldest beyond the limit; ValueError and the like if nobody could read it."""
        created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        mail = Mail(
            number=self._next,
            identity=secrets.token_hex(11),
            created=created,
            sender=sender,
            recipients=tuple(recipients),
            raw=raw.decode("latin-1"),
        )
        mail.details()  # what can't be shown is refused while the sender is still there to hear of it
        part = self._file(mail).with_suffix(".part")
        part.write_text(json.dumps(asdict(mail)))
        part.rename(self._file(mail))
        self._next += 1
        self._mails[mail.identity] = mail
        while len(self._mails) > self._limit:
            oldest = next(iter(self._mails.values()))
            self._drop(oldest)
        return mail

    def newest_first(self) -> list[Mail]:
        """All mails, the newest first."""
        return list(reversed(self._mails.values()))

    def get(self, identity: str) -> Mail | None:
        """The mail with that ID."""
        return self._mails.get(identity)

    def clear(self) -> None:
        """Throw all mails away."""
        for mail in list(self._mails.values()):
            self._drop(mail)

    def _drop(self, mail: Mail) -> None:
        del self._mails[mail.identity]
        self._file(mail).unlink(missing_ok=True)

    def _file(self, mail: Mail) -> Path:
        return self._folder / f"{mail.number:09d}.json"


def _load(path: Path) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(path.read_text())
    return fields


def _addresses(message: EmailMessage, field: str) -> list[dict[str, str]]:
    pairs = getaddresses([str(value) for value in message.get_all(field, [])])
    return [{"Name": name, "Address": address} for name, address in pairs if address]


def _body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body(preferencelist=(subtype,))
    return str(part.get_content()) if part is not None else ""
