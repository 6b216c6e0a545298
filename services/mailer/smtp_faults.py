"""Translates what an SMTP client raises into what to do about it (`services.mailer.answer`)."""

import re
from enum import Enum, auto

from aiosmtplib import SMTPException, SMTPResponseException

from services.mailer.answer import MailDeferred, MailFault, MailRejected, MailUnavailable

TEXT_LIMIT = 1024
"""Characters kept of a server's answer: as much as of a webhook's response."""

_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f]+")

# RFC 4954 section 6: the server wants a login (or a better one) that our settings don't give it.
_LOGIN_WANTED = frozenset({530, 534, 535, 538})
_BAD_SEQUENCE = 503  # "send AUTH first", say some; nothing else can be out of sequence at MAIL


class Stage(Enum):
    """How far a mail had come."""

    OPENING = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    PAYLOAD = auto()  # the final dot is on its way: only the server's answer tells whether the mail was taken


def fault_of(stage: Stage, error: SMTPException | OSError | UnicodeError) -> MailFault:
    """What an error of the SMTP client means at this stage. (UnicodeError: the relay's name is no host name.)"""
    if stage is Stage.OPENING:
        return MailUnavailable(_describe(error))
    if isinstance(error, SMTPResponseException):
        return _fault_of_reply(stage, error.code, readable(error.message))
    kind = "timeout" if isinstance(error, TimeoutError) else "disconnected"
    return MailDeferred(None, f"{_describe(error)} ({stage.name})", kind, unknown_outcome=stage is Stage.PAYLOAD)


def readable(text: str) -> str:
    """A server's words on one line, cut to a sane length, and always valid Unicode."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _UNPRINTABLE.sub(" ", text).strip()[:TEXT_LIMIT]


def _fault_of_reply(stage: Stage, code: int, text: str) -> MailFault:
    asks_for_login = code in _LOGIN_WANTED or (code == _BAD_SEQUENCE and stage is Stage.MAIL)
    if asks_for_login and stage in {Stage.MAIL, Stage.RCPT}:
        return MailUnavailable(f"the server wants a login or TLS first: {code} {text}")
    if 500 <= code <= 599:
        return MailRejected(code, text)
    if 400 <= code <= 499:
        return MailDeferred(code, text, "smtp_4xx")
    # Neither yes nor no; aiosmtplib reports an answer that it can't read as -1.
    return MailDeferred(code if code > 0 else None, text, "protocol_error", unknown_outcome=stage is Stage.PAYLOAD)


def _describe(error: Exception) -> str:
    if isinstance(error, SMTPResponseException):
        return f"{type(error).__name__.removeprefix('SMTP')}: {error.code} {readable(error.message)}"
    return readable(str(error)) or type(error).__name__
