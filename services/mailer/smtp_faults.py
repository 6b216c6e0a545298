"""Translates an SMTP client's errors into the classes of `services.mailer.answer`."""

import re
from enum import Enum, auto

from aiosmtplib import SMTPException, SMTPResponseException

from services.mailer.answer import MailDeferred, MailFault, MailRejected, MailUnavailable

TEXT_LIMIT = 1024
"""Characters kept of a server's answer, as many as of a webhook's response."""

_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f]+")

# RFC 4954 section 6: the server wants a login (or a better one) that our settings don't provide.
_LOGIN_WANTED = frozenset({530, 534, 535, 538})
_BAD_SEQUENCE = 503  # some servers mean "send AUTH first"; nothing else can be out of sequence at MAIL


class Stage(Enum):
    """The step that a mail had reached."""

    OPENING = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    PAYLOAD = auto()  # the final dot was sent: only the server's answer shows whether it accepted the mail


def fault_of(stage: Stage, error: SMTPException | OSError | UnicodeError) -> MailFault:
    """Return the fault that a client's error means at this stage. (UnicodeError: the relay's name is invalid.)"""
    if stage is Stage.OPENING:
        return MailUnavailable(_describe(error))
    if isinstance(error, SMTPResponseException):
        return _fault_of_reply(stage, error.code, readable(error.message))
    kind = "timeout" if isinstance(error, TimeoutError) else "disconnected"
    return MailDeferred(None, f"{_describe(error)} ({stage.name})", kind, unknown_outcome=stage is Stage.PAYLOAD)


def readable(text: str) -> str:
    """Return a server's text on one line, shortened, and always valid Unicode."""
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
    # Neither accepted nor refused; aiosmtplib reports an answer that it can't parse as -1.
    return MailDeferred(code if code > 0 else None, text, "protocol_error", unknown_outcome=stage is Stage.PAYLOAD)


def _describe(error: Exception) -> str:
    if isinstance(error, SMTPResponseException):
        return f"{type(error).__name__.removeprefix('SMTP')}: {error.code} {readable(error.message)}"
    return readable(str(error)) or type(error).__name__
