"""The pool and its sessions, with a scripted SMTP client: what is reused, reset or given up, what errors mean."""

import asyncio
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any, cast

import aiosmtplib
import pytest
from aiosmtplib import SMTPResponse, SMTPResponseException, SMTPServerDisconnected

from services.mailer.answer import MailDeferred, MailRejected, MailUnavailable
from services.mailer.client import SmtpPool
from services.mailer.smtp_connection import SmtpConnection, SmtpEnvelope, SmtpSettings, StaleConnection
from tests.support.waiting import eventually_here

SETTINGS = SmtpSettings(
    host="mail.example", port=25, username=None, password=None, tls="none", timeout=1.0, connections=2
)
ENVELOPE = SmtpEnvelope(sender="a@example.com", recipient="b@example.com", payload=b"Subject: x\r\n\r\n.dot\r\n")
OK = SMTPResponse(250, "Ok")


class ScriptedSmtp:
    """Stands for aiosmtplib's client: one answer for each step, by name."""

    def __init__(self, **answers: SMTPResponse | Exception) -> None:
        self.answers = answers
        self.steps: list[str] = []
        self.written: list[bytes] = []
        self.is_connected = True
        self.is_ehlo_or_helo_needed = True
        self.extensions = {"size"}
        self.protocol: Any = self
        self.transport: Any = None

    async def _step(self, name: str) -> SMTPResponse:
        self.steps.append(name)
        answer = self.answers.get(name, OK)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def connect(self) -> SMTPResponse:
        return await self._step("connect")

    async def ehlo(self) -> SMTPResponse:
        return await self._step("ehlo")

    async def mail(self, *_: object, **__: object) -> SMTPResponse:
        return await self._step("mail")

    async def rcpt(self, *_: object, **__: object) -> SMTPResponse:
        return await self._step("rcpt")

    async def rset(self) -> SMTPResponse:
        return await self._step("rset")

    async def noop(self) -> SMTPResponse:
        return await self._step("noop")

    async def quit(self, **_: object) -> SMTPResponse:
        return await self._step("quit")

    async def execute_command(self, *_: object) -> SMTPResponse:
        answer = await self._step("data")
        return SMTPResponse(354, "go on") if answer is OK else answer

    async def read_response(self, **_: object) -> SMTPResponse:
        return await self._step("payload")

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def supports_extension(self, name: str) -> bool:
        return name in self.extensions

    def close(self) -> None:
        self.is_connected = False


def session(smtp: ScriptedSmtp) -> SmtpConnection:
    return SmtpConnection(cast("aiosmtplib.SMTP", smtp), 1.0)


async def test_a_mail_is_handed_over_with_its_dots_doubled() -> None:
    smtp = ScriptedSmtp()
    connection = session(smtp)
    assert await connection.transact(ENVELOPE) == OK
    assert smtp.written == [b"Subject: x\r\n\r\n..dot\r\n.\r\n"]
    assert connection.usable


@pytest.mark.parametrize(
    ("step", "answer", "fault", "usable"),
    [
        ("rcpt", SMTPResponseException(550, "no such user"), MailRejected, True),
        ("mail", SMTPResponseException(450, "later"), MailDeferred, True),
        ("data", SMTPResponse(554, "no"), MailRejected, True),
        ("payload", SMTPResponse(451, "later"), MailDeferred, True),
        ("payload", SMTPServerDisconnected("gone"), MailDeferred, False),
        ("rcpt", aiosmtplib.SMTPTimeoutError("slow"), MailDeferred, False),
        ("mail", SMTPResponseException(530, "log in first"), MailUnavailable, True),
        ("mail", SMTPResponseException(-1, "?"), MailDeferred, False),
    ],
)
async def test_what_an_answer_means_and_whether_the_session_lives(
    step: str, answer: SMTPResponse | Exception, fault: type[Exception], usable: bool
) -> None:
    connection = session(ScriptedSmtp(**{step: answer}))
    with pytest.raises(fault):
        await connection.transact(ENVELOPE)
    assert connection.usable is usable


async def test_after_a_refused_mail_the_session_is_reset_before_the_next() -> None:
    smtp = ScriptedSmtp(rcpt=SMTPResponseException(550, "no"))
    connection = session(smtp)
    with pytest.raises(MailRejected):
        await connection.transact(ENVELOPE)
    smtp.answers = {}
    await connection.transact(ENVELOPE)
    assert smtp.steps[2:4] == ["rset", "mail"]
    smtp.answers = {"rcpt": SMTPResponseException(550, "no")}
    with pytest.raises(MailRejected):
        await connection.transact(ENVELOPE)
    smtp.answers = {"rset": SMTPServerDisconnected("gone")}
    with pytest.raises(StaleConnection):
        await connection.transact(ENVELOPE)


async def test_a_kept_session_that_has_ended_says_so_before_anything_was_sent() -> None:
    smtp = ScriptedSmtp()
    connection = session(smtp)
    await connection.transact(ENVELOPE)
    smtp.answers = {"mail": SMTPResponseException(421, "bye")}
    with pytest.raises(StaleConnection):
        await connection.transact(ENVELOPE)
    smtp = ScriptedSmtp()
    connection = session(smtp)
    await connection.noop()
    smtp.answers = {"noop": SMTPServerDisconnected("gone")}
    with pytest.raises(StaleConnection):
        await connection.noop()


async def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    smtp = ScriptedSmtp()
    mail = SmtpEnvelope(sender="a@example.com", recipient="bäcker@example.com", payload=b"x")
    with pytest.raises(MailRejected, match="ASCII"):
        await session(smtp).transact(mail)
    smtp.extensions.add("smtputf8")
    await session(smtp).transact(mail)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[ScriptedSmtp]]:
    """Makes every session that is opened one of these."""

    def scripted(*sessions: ScriptedSmtp) -> list[ScriptedSmtp]:
        opened = list(sessions)
        monkeypatch.setattr(aiosmtplib, "SMTP", lambda **_: opened.pop(0))
        return opened

    return scripted


def message() -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = "Hello"
    mail.set_content("Hello")
    return mail


async def send(pool: SmtpPool, recipient: str = "b@example.com") -> object:
    return await pool.send(message(), sender="a@example.com", recipient=recipient)


async def test_a_session_is_kept_for_the_next_mail_and_closed_in_the_end(
    server: Callable[..., list[ScriptedSmtp]],
) -> None:
    only = ScriptedSmtp()
    server(only)
    pool = SmtpPool(SETTINGS)
    await send(pool)
    await send(pool)
    await pool.check()
    await pool.aclose()
    assert only.steps.count("connect") == 1
    assert only.steps[-1] == "quit"


async def test_a_stale_session_is_replaced_within_the_same_attempt(server: Callable[..., list[ScriptedSmtp]]) -> None:
    old, new, newest = ScriptedSmtp(), ScriptedSmtp(), ScriptedSmtp()
    server(old, new, newest)
    pool = SmtpPool(SETTINGS)
    await send(pool)
    old.answers = {"mail": SMTPServerDisconnected("gone")}
    await send(pool)
    new.answers = {"noop": SMTPServerDisconnected("gone")}
    await pool.check()
    assert "noop" in newest.steps
    newest.is_connected = False
    server(ScriptedSmtp(quit=SMTPServerDisconnected("gone")))
    await send(pool)
    await pool.aclose()


async def test_an_unused_session_is_closed_after_a_while(server: Callable[..., list[ScriptedSmtp]]) -> None:
    only = ScriptedSmtp()
    server(only)
    pool = SmtpPool(SETTINGS, idle_seconds=0.0)
    await send(pool)
    await eventually_here(lambda: not only.is_connected)
    await pool.aclose()


async def test_a_server_that_can_not_be_used_is_nobodys_failure(server: Callable[..., list[ScriptedSmtp]]) -> None:
    server(
        ScriptedSmtp(connect=aiosmtplib.SMTPConnectError("refused")),
        ScriptedSmtp(noop=SMTPResponseException(421, "")),
    )
    pool = SmtpPool(SETTINGS)
    with pytest.raises(MailUnavailable):
        await send(pool)
    with pytest.raises(MailUnavailable):
        await pool.check()
    with pytest.raises(MailRejected, match="invalid recipient"):
        await send(pool, "not an address")
    await pool.aclose()


async def test_opening_that_is_cancelled_leaves_no_session(server: Callable[..., list[ScriptedSmtp]]) -> None:
    only = ScriptedSmtp()
    server(only)

    async def cancelled() -> SMTPResponse:
        raise asyncio.CancelledError

    only.connect = cancelled  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await SmtpConnection.open(SETTINGS, None)
    assert not only.is_connected
