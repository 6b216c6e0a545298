"""The result of handing over a mail: the server's receipt, or a fault whose class says what to do about it.

MailFault
├── MailRejected      a 5xx answer, or an invalid recipient: dead, reason `smtp_rejected`
├── MailDeferred      a 4xx answer, a timeout, a lost connection: an attempt, retried on the schedule
└── MailUnavailable   relay not reachable, login or TLS refused: our fault; hold the mail, charge no attempt

The last two differ by whether the session was ready: what happens before (connect, greeting, EHLO, TLS, login) says
nothing about a recipient; from MAIL on, a fault belongs to this mail.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SmtpReceipt:
    """The server accepted the mail: its final answer, and the seconds from the first command (or connect) to it."""

    code: int
    text: str
    duration: float


class MailFault(Exception):
    """Base of all that `SmtpPool.send` raises."""


class MailRejected(MailFault):
    """Never send this mail again. `code` is None if no server was asked."""

    def __init__(self, code: int | None, text: str) -> None:
        super().__init__(f"{code} {text}" if code else text)
        self.code = code
        self.text = text


class MailDeferred(MailFault):
    """Try again later. `error_class` is `smtp_4xx`, `timeout`, `disconnected` or `protocol_error`.

    `unknown_outcome`: the mail may have been accepted; only the answer is missing.
    """

    def __init__(self, code: int | None, text: str, error_class: str, *, unknown_outcome: bool = False) -> None:
        super().__init__(f"{code} {text}" if code else f"{error_class}: {text}")
        self.code = code
        self.text = text
        self.error_class = error_class
        self.unknown_outcome = unknown_outcome


class MailUnavailable(MailFault):
    """No mail can be sent at the moment; `detail` is for the operator and holds no secret."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
