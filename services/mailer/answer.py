"""What came of handing over a mail: the server's receipt, or a fault that says what to do about it.

MailFault
├── MailRejected      a 5xx answer, or a recipient nobody can write to: dead, reason `smtp_rejected`
├── MailDeferred      a 4xx answer, a timeout, a lost connection: an attempt, retried on the schedule
└── MailUnavailable   relay not reachable, login or TLS refused: our fault; hold the mail, charge nothing

The line between the last two is the moment the session is ready: whatever happens before (connect, greeting, EHLO,
TLS, login) says nothing about a recipient; from MAIL on it is this mail's.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SmtpReceipt:
    """The server took the mail: its final answer, and the seconds from the first command (or connect) to that."""

    code: int
    text: str
    duration: float


class MailFault(Exception):
    """Base of all that `SmtpPool.send` raises."""


class MailRejected(MailFault):
    """Never send this mail again. `code` is None where no server was asked."""

    def __init__(self, code: int | None, text: str) -> None:
        super().__init__(f"{code} {text}" if code else text)
        self.code = code
        self.text = text


class MailDeferred(MailFault):
    """Try again later. `error_class` is `smtp_4xx`, `timeout`, `disconnected` or `protocol_error`.

    `unknown_outcome`: the mail may have been accepted, only the answer is missing.
    """

    def __init__(self, code: int | None, text: str, error_class: str, *, unknown_outcome: bool = False) -> None:
        super().__init__(f"{code} {text}" if code else f"{error_class}: {text}")
        self.code = code
        self.text = text
        self.error_class = error_class
        self.unknown_outcome = unknown_outcome


class MailUnavailable(MailFault):
    """No mail can be sent by anybody at the moment; `detail` is for the operator and holds no secret."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
