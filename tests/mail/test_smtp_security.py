"""TLS, login and internationalised addresses: real handshakes with certificates made for the test."""

import re
import ssl
import traceback
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from services.mailer.answer import MailRejected, MailUnavailable
from services.mailer.client import SmtpPool
from tests.mail.mails import PASSWORD, pool_for, send, settings, with_login
from tests.mail.servers import CLOSE_AFTER, DROP, Mailbox, ScriptedServer, scripted, smtpd

AUTHORITY = trustme.CA()


def server_tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    return context


def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def authenticator(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    assert isinstance(data, LoginPassword)
    return AuthResult(success=(data.login, data.password) == (b"mailer", PASSWORD.encode()), handled=False)


LOGIN_REQUIRED: dict[str, Any] = {"auth_required": True, "authenticator": authenticator}


def secure_pool(
    server: Mailbox | ScriptedServer, tls: str, *, authority: trustme.CA = AUTHORITY
) -> AbstractAsyncContextManager[SmtpPool]:
    """A pool that encrypts; with `starttls` it also wants to log in, so that there is a password to betray."""
    smtp = with_login(server.port, tls=tls) if tls == "starttls" else settings(server.port, tls=tls)
    return pool_for(smtp, tls_context=client_tls(authority))


class _TlsWitness(Mailbox):
    """Notes of each mail whether it came encrypted."""

    def __init__(self) -> None:
        super().__init__()
        self.encrypted: list[bool] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        encrypted = server.transport is not None and server.transport.get_extra_info("sslcontext") is not None
        self.encrypted.append(encrypted)
        return await super().handle_DATA(server, session, envelope)


async def test_starttls_sends_mails_encrypted_and_logs_in_after_the_handshake() -> None:
    async with (
        smtpd(_TlsWitness(), tls_context=server_tls(), require_starttls=True, **LOGIN_REQUIRED) as server,
        secure_pool(server, "starttls") as pool,
    ):
        await pool.check()
        await send(pool, 1)
        await send(pool, 2)
    assert server.encrypted == [True, True]
    assert server.sessions == 1


async def test_implicit_tls_sends_mails_encrypted() -> None:
    async with smtpd(_TlsWitness(), implicit_tls=server_tls()) as server, secure_pool(server, "tls") as pool:
        await send(pool)
    assert server.encrypted == [True]


async def test_a_server_without_starttls_gets_no_mail_in_plain_text_and_no_password() -> None:
    offers = "250-script\r\n250 AUTH PLAIN LOGIN"
    async with scripted(EHLO=offers) as server, secure_pool(server, "starttls") as pool:
        for _ in range(3):
            with pytest.raises(MailUnavailable, match="STARTTLS"):
                await send(pool)
    assert {command.split()[0] for command in server.commands} == {"EHLO"}


@pytest.mark.parametrize("answer", ["454 TLS not available", "501 syntax error", "220 go" + CLOSE_AFTER, DROP])
async def test_a_starttls_that_comes_to_nothing_never_goes_on_in_plain_text(answer: str) -> None:
    offers = "250-script\r\n250 STARTTLS"
    async with scripted(EHLO=offers, STARTTLS=answer) as server, secure_pool(server, "starttls") as pool:
        with pytest.raises(MailUnavailable):
            await send(pool)
    assert [command.split()[0] for command in server.commands] == ["EHLO", "STARTTLS"]


async def test_a_certificate_for_starttls_that_nobody_vouches_for_is_our_fault() -> None:
    stranger = trustme.CA()
    async with (
        smtpd(Mailbox(), tls_context=server_tls()) as server,
        secure_pool(server, "starttls", authority=stranger) as pool,
    ):
        with pytest.raises(MailUnavailable, match=r"(?i)certificate"):
            await send(pool)
    assert server.mails == []


async def test_a_certificate_for_implicit_tls_that_nobody_vouches_for_is_our_fault() -> None:
    stranger = trustme.CA()
    async with (
        smtpd(Mailbox(), implicit_tls=server_tls()) as server,
        secure_pool(server, "tls", authority=stranger) as pool,
    ):
        with pytest.raises(MailUnavailable, match=r"(?i)certificate"):
            await send(pool)
    assert server.mails == []


async def test_plain_text_spoken_to_a_tls_client_is_our_fault() -> None:
    async with scripted() as server, secure_pool(server, "tls") as pool:
        with pytest.raises(MailUnavailable):
            await send(pool)


async def test_a_refused_login_is_our_fault_and_tells_no_password() -> None:
    wrong = "wrong-horse"
    async with smtpd(Mailbox(), tls_context=server_tls(), **LOGIN_REQUIRED) as server:
        smtp = with_login(server.port, wrong, tls="starttls")
        async with pool_for(smtp, tls_context=client_tls(AUTHORITY)) as pool:
            with pytest.raises(MailUnavailable, match="535") as fault:
                await send(pool)
            with pytest.raises(MailUnavailable):
                await pool.check()
    assert wrong not in "".join(traceback.format_exception(fault.value)) + repr(smtp)
    assert server.mails == []


@pytest.mark.parametrize("answer", ["454 4.7.0 try later", "534 5.7.9 stronger mechanism", DROP])
async def test_a_login_that_fails_for_any_reason_is_our_fault(answer: str) -> None:
    offers = "250-script\r\n250 AUTH PLAIN"
    async with scripted(EHLO=offers, AUTH=answer) as server, pool_for(with_login(server.port)) as pool:
        with pytest.raises(MailUnavailable):
            await send(pool)
    assert server.count("MAIL") == 0


async def test_a_login_where_none_is_offered_is_our_fault() -> None:
    async with scripted() as server, pool_for(with_login(server.port)) as pool:
        with pytest.raises(MailUnavailable, match="AUTH"):
            await send(pool)
    assert server.count("MAIL") == 0


async def test_an_address_that_is_not_ascii_goes_to_a_server_with_smtputf8() -> None:
    async with smtpd(Mailbox(), enable_SMTPUTF8=True) as server, pool_for(settings(server.port)) as pool:
        await send(pool, recipient="jörg@müller.example")
    (envelope,) = server.mails
    assert envelope.rcpt_tos == ["jörg@xn--mller-kva.example"]
    assert envelope.smtp_utf8
    assert isinstance(envelope.content, bytes)
    assert "To: jörg@xn--mller-kva.example\r\n".encode() in envelope.content


async def test_an_address_that_is_not_ascii_is_rejected_where_the_server_has_no_smtputf8() -> None:
    async with scripted() as server, pool_for(settings(server.port)) as pool:
        with pytest.raises(MailRejected, match="invalid recipient"):
            await send(pool, 1, recipient="jörg@example.com")
        await send(pool, 2, recipient="jorg@müller.example")
    assert [command for command in server.commands if re.match("RCPT", command)] == [
        "RCPT TO:<jorg@xn--mller-kva.example>"
    ]
