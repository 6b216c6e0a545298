"""One SMTP session: opened, used for one mail after the other, closed.

It knows the protocol's order and nothing of other sessions; it raises the classes of `services.mailer.answer`.
"""

import re
import socket
import ssl
from dataclasses import dataclass
from typing import Literal

import aiosmtplib
from aiosmtplib.protocol import normalize_message_line_endings
from pydantic import SecretStr

from services.mailer.answer import MailRejected
from services.mailer.smtp_faults import Stage, fault_of
from shared.mail.address import needs_smtputf8
from signalpost.transport import abort

_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_START_INPUT = 354
_GOING_AWAY = 421
_QUIT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class SmtpSettings:
    """The mail server. `timeout` is in seconds for each step: connect, handshake, one command, the payload."""

    host: str
    port: int
    username: str | None
    password: SecretStr | None
    tls: Literal["none", "starttls", "tls"]
    timeout: float
    connections: int


@dataclass(frozen=True, kw_only=True)
class SmtpEnvelope:
    """A mail as SMTP sees it. Addresses as `shared.mail.address.mailbox` gives them; payload with CRLF line ends."""

    sender: str
    recipient: str
    payload: bytes


class StaleConnection(Exception):
    """A kept session had ended before it accepted the next mail: nothing was sent, so nothing was attempted."""


class SmtpConnection:
    """A session that is logged in. Get one with `open`."""

    def __init__(self, smtp: aiosmtplib.SMTP, timeout: float) -> None:
        self._smtp = smtp
        self._timeout = timeout
        self._busy = False
        self._needs_reset = False
        self._used = False

    @classmethod
    async def open(cls, settings: SmtpSettings, tls_context: ssl.SSLContext | None) -> "SmtpConnection":
        """Connect, switch to TLS and log in as the settings say. Raises MailUnavailable."""
        smtp = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            local_hostname=_own_name(),
            timeout=settings.timeout,
            use_tls=settings.tls == "tls",
            # Never None: that would mean "TLS if offered", and an attacker in between could suppress the offer.
            start_tls=settings.tls == "starttls",
            tls_context=tls_context,
        )
        try:
            await smtp.connect()
            if smtp.is_ehlo_or_helo_needed:
                await smtp.ehlo()
        except BaseException as error:
            smtp.close()
            if isinstance(error, aiosmtplib.SMTPException | OSError | UnicodeError):
                raise fault_of(Stage.OPENING, error) from error
            raise
        return cls(smtp, settings.timeout)

    @property
    def usable(self) -> bool:
        """Whether another mail can be sent through it, as far as we know without asking the server."""
        return self._smtp.is_connected and not self._busy

    async def transact(self, envelope: SmtpEnvelope) -> aiosmtplib.SMTPResponse:
        """Send one mail and return the server's final answer.

        Raises MailFault, or StaleConnection if a kept session turned out to have ended.
        """
        options = self._options(envelope)
        stage, kept = Stage.MAIL, self._used
        self._busy = True
        try:
            await self._reset()
            await self._smtp.mail(envelope.sender, options=options, encoding="utf-8")
            stage = Stage.RCPT
            await self._smtp.rcpt(envelope.recipient, encoding="utf-8")
            stage = Stage.DATA
            protocol = await self._start_input()
            protocol.write(_as_data(envelope.payload))
            stage = Stage.PAYLOAD
            answer = await protocol.read_response(timeout=self._timeout)
            if answer.code // 100 != 2:
                raise aiosmtplib.SMTPDataError(answer.code, answer.message)
        except aiosmtplib.SMTPException as error:
            self._settle(error)
            if kept and stage is Stage.MAIL and _has_ended(error):
                raise StaleConnection from error
            raise fault_of(stage, error) from error
        self._busy = False
        self._used = True
        return answer

    async def noop(self) -> None:
        """Ask the server for a reply. Raises MailUnavailable, or StaleConnection for a kept session."""
        self._busy = True
        try:
            await self._smtp.noop()
        except aiosmtplib.SMTPException as error:
            self.abort()
            if self._used and _has_ended(error):
                raise StaleConnection from error
            raise fault_of(Stage.OPENING, error) from error
        self._busy = False
        self._used = True

    async def close(self) -> None:
        """Send QUIT and close; wait only briefly for a server that doesn't answer."""
        try:
            if self._smtp.is_connected:
                await self._smtp.quit(timeout=min(self._timeout, _QUIT_SECONDS))
        except aiosmtplib.SMTPException:
            pass  # it is going away either way
        finally:
            self.abort()

    def abort(self) -> None:
        """Close without QUIT: the only safe way in the middle of a mail."""
        if self._smtp.transport is not None:
            # close() alone waits until everything is written, without end if the server has stopped reading.
            abort(self._smtp.transport)
        self._smtp.close()

    def _options(self, envelope: SmtpEnvelope) -> list[str]:
        options = [f"SIZE={len(envelope.payload)}"] if self._smtp.supports_extension("size") else []
        if needs_smtputf8(envelope.recipient) or needs_smtputf8(envelope.sender):
            if not self._smtp.supports_extension("smtputf8"):
                raise MailRejected(None, "invalid recipient: the server takes no address that isn't ASCII")
            options += ["BODY=8BITMIME", "SMTPUTF8"]
        return options

    async def _reset(self) -> None:
        """Clear the state that a refused mail left; an accepted mail leaves none (RFC 5321)."""
        if not self._needs_reset:
            return
        try:
            await self._smtp.rset()
        except aiosmtplib.SMTPException as error:
            self.abort()
            raise StaleConnection from error
        self._needs_reset = False

    async def _start_input(self) -> aiosmtplib.protocol.SMTPProtocol:
        # Not `smtp.data()`: it doesn't distinguish a connection lost before the payload from one lost after it.
        answer = await self._smtp.execute_command(b"DATA")
        if answer.code != _START_INPUT:
            raise aiosmtplib.SMTPDataError(answer.code, answer.message)
        if self._smtp.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        return self._smtp.protocol

    def _settle(self, error: aiosmtplib.SMTPException) -> None:
        """Keep the session after a clear answer; after any other error the server's state is unknown."""
        if isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code <= 599:
            self._busy = False
            self._needs_reset = True
            self._used = True
        else:
            self.abort()


def _as_data(payload: bytes) -> bytes:
    """Return the payload with transparent dots and the final dot (RFC 5321 section 4.5.2)."""
    return _LEADING_DOT.sub(b"..", normalize_message_line_endings(payload)) + b".\r\n"


def _has_ended(error: aiosmtplib.SMTPException) -> bool:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return error.code == _GOING_AWAY
    return isinstance(error, aiosmtplib.SMTPServerDisconnected)


def _own_name() -> str:
    """Return our name for EHLO without asking DNS: the host's full name, or an address literal (RFC 5321 4.1.3)."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
