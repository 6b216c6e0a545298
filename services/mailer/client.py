"""A bounded pool of SMTP sessions.

A session sends one mail at a time and is kept for the next one. The pool decides nothing about retries: the class of
an error says what to do (`services.mailer.answer`).
"""

import asyncio
import ssl
from email.message import EmailMessage

from aiosmtplib import SMTPResponse

from services.mailer.answer import MailRejected, SmtpReceipt
from services.mailer.smtp_connection import SmtpConnection, SmtpEnvelope, SmtpSettings, StaleConnection
from services.mailer.smtp_faults import readable
from shared.mail.address import InvalidMailAddress, mailbox

IDLE_SECONDS = 30.0
"""How long an unused session is kept: well below RFC 5321's 300 s, and below the timeouts of common NATs."""


class SmtpPool:
    """At most `settings.connections` sessions, opened when needed. Belongs to one event loop."""

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        tls_context: ssl.SSLContext | None = None,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """`tls_context`: None trusts the system's certificate authorities."""
        self._settings = settings
        self._tls_context = tls_context
        if settings.tls != "none" and tls_context is None:
            self._tls_context = ssl.create_default_context()
        self._idle_seconds = idle_seconds
        self._sessions = asyncio.Semaphore(settings.connections)
        self._idle: list[tuple[SmtpConnection, asyncio.TimerHandle]] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> SmtpReceipt:
        """Hand one message to the server, for one recipient. Waits for a free session first.

        Raises MailRejected, MailDeferred or MailUnavailable.
        """
        try:
            address = mailbox(recipient)
        except InvalidMailAddress as error:
            raise MailRejected(None, f"invalid recipient: {error}") from error
        envelope = SmtpEnvelope(sender=sender, recipient=address, payload=message.as_bytes())
        async with self._sessions:
            started = asyncio.get_running_loop().time()
            connection = self._take_idle() or await self._open()
            try:
                answer = await self._transact(connection, envelope)
            except StaleConnection:
                answer = await self._transact(await self._open(), envelope)
            duration = asyncio.get_running_loop().time() - started
        return SmtpReceipt(code=answer.code, text=readable(answer.message), duration=duration)

    async def check(self) -> None:
        """Check that mail could be sent now: a logged-in session (kept or new) answers NOOP.

        Raises MailUnavailable. Waits while all sessions are busy: then mail is being sent anyway.
        """
        async with self._sessions:
            connection = self._take_idle() or await self._open()
            try:
                await connection.noop()
            except StaleConnection:
                connection = await self._open()
                await connection.noop()
            finally:
                self._put_back(connection)

    async def aclose(self) -> None:
        """Close every idle session. A session that still sends a mail is closed after that mail."""
        self._closed = True
        for connection, timer in self._idle:
            timer.cancel()
            self._retire(connection)
        self._idle.clear()
        await asyncio.gather(*self._closing)

    async def _open(self) -> SmtpConnection:
        return await SmtpConnection.open(self._settings, self._tls_context)

    async def _transact(self, connection: SmtpConnection, envelope: SmtpEnvelope) -> SMTPResponse:
        try:
            return await connection.transact(envelope)
        finally:
            self._put_back(connection)

    def _take_idle(self) -> SmtpConnection | None:
        """Take the most recently used session, so that surplus sessions expire."""
        while self._idle:
            connection, timer = self._idle.pop()
            timer.cancel()
            if connection.usable:
                return connection
            connection.abort()
        return None

    def _put_back(self, connection: SmtpConnection) -> None:
        if self._closed and connection.usable:
            self._retire(connection)
        elif connection.usable:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._idle_seconds, self._expire, connection)
            self._idle.append((connection, timer))
        else:
            connection.abort()

    def _expire(self, connection: SmtpConnection) -> None:
        self._idle = [entry for entry in self._idle if entry[0] is not connection]
        self._retire(connection)

    def _retire(self, connection: SmtpConnection) -> None:
        task = asyncio.get_running_loop().create_task(connection.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
