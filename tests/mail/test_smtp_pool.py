"""Sessions: how many, for how long, and what happens when the server ends one."""

import asyncio
import email
import email.policy
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.mailer.answer import MailDeferred, MailRejected, MailUnavailable
from tests.mail.mails import SENDER, a_mail, pool_for, send, settings
from tests.mail.servers import CLOSE_AFTER, DROP, HANG, Mailbox, scripted, smtpd


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 the server's counters are plain numbers
            await asyncio.sleep(0.01)


async def test_the_server_gets_the_message_as_it_was_composed() -> None:
    mail = a_mail(7, text=".\n..two dots\nünï\n" + "long " * 400)
    async with smtpd(Mailbox()) as mailbox, pool_for(settings(mailbox.port)) as pool:
        receipt = await pool.send(mail, sender=SENDER.address, recipient="ana@example.com")
    assert (receipt.code, receipt.text) == (250, "taken")
    (envelope,) = mailbox.mails
    assert envelope.mail_from == SENDER.address
    assert envelope.rcpt_tos == ["ana@example.com"]
    assert envelope.content == mail.as_bytes()
    got = email.message_from_bytes(mail.as_bytes(), policy=email.policy.default)
    body = got.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == ".\n..two dots\nünï\n" + "long " * 400 + "\n"


async def test_one_session_carries_many_mails_without_a_reset_between_them() -> None:
    async with scripted() as server, pool_for(settings(server.port)) as pool:
        for number in range(20):
            await send(pool, number)
    assert (server.sessions, server.count("MAIL"), server.count("RSET")) == (1, 20, 0)


class _Turnstile(Mailbox):
    """Takes a mail only once `wanted` sessions are busy at the same time."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self._barrier = asyncio.Barrier(wanted)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await self._barrier.wait()
        return await super().handle_DATA(server, session, envelope)


async def test_mails_go_out_side_by_side_up_to_the_bound_and_never_beyond() -> None:
    async with smtpd(_Turnstile(3)) as mailbox, pool_for(settings(mailbox.port, connections=3)) as pool:
        async with asyncio.timeout(20):
            await asyncio.gather(*(send(pool, number) for number in range(30)))
        assert len(mailbox.mails) == 30
        assert mailbox.most_at_once == mailbox.sessions == 3


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({"final": ["250 taken" + CLOSE_AFTER, "250 taken"]}, id="closed while idle"),
        pytest.param({"MAIL": ["250 OK", DROP, "250 OK"]}, id="closed as the next mail came"),
        pytest.param({"MAIL": ["250 OK", "421 idle for too long" + CLOSE_AFTER, "250 OK"]}, id="said 421"),
    ],
)
async def test_a_session_that_ended_while_idle_costs_no_attempt(answers: dict[str, list[str]]) -> None:
    async with scripted(**answers) as server, pool_for(settings(server.port)) as pool:
        await send(pool, 1)
        await send(pool, 2)
    assert (server.sessions, len(server.payloads)) == (2, 2)


async def test_what_the_server_offers_is_not_looked_up_in_a_session_that_ended() -> None:
    offers, taken = "250-script\r\n250 SMTPUTF8", "250 taken" + CLOSE_AFTER
    async with scripted(EHLO=offers, final=taken) as server, pool_for(settings(server.port)) as pool:
        await send(pool, 1)
        await until(lambda: not any(session.usable for session, _ in pool._idle))
        await send(pool, 2, recipient="jörg@example.com")
    assert len(server.payloads) == 2


@pytest.mark.parametrize("answer", [DROP, "421 go away" + CLOSE_AFTER])
async def test_a_new_session_that_ends_at_once_is_an_attempt(answer: str) -> None:
    async with scripted(MAIL=answer) as server, pool_for(settings(server.port)) as pool:
        with pytest.raises(MailDeferred):
            await send(pool)
    assert server.sessions == 1


async def test_a_refused_mail_leaves_the_session_fit_for_the_next_one() -> None:
    async with scripted(RCPT=["550 no such user", "250 OK"]) as server, pool_for(settings(server.port)) as pool:
        with pytest.raises(MailRejected):
            await send(pool, 1)
        await send(pool, 2)
    assert (server.sessions, server.count("RSET"), len(server.payloads)) == (1, 1, 1)


async def test_a_server_that_refuses_rset_gets_a_new_session() -> None:
    async with scripted(RCPT=["550 no", "250 OK"], RSET="502 no") as server, pool_for(settings(server.port)) as pool:
        with pytest.raises(MailRejected):
            await send(pool, 1)
        await send(pool, 2)
    assert (server.sessions, len(server.payloads)) == (2, 1)


async def test_idle_sessions_are_ended_politely() -> None:
    async with scripted() as server, pool_for(settings(server.port), idle_seconds=0.05) as pool:
        await send(pool)
        await until(lambda: server.count("QUIT") == 1)


async def test_closing_the_pool_ends_idle_sessions_politely() -> None:
    async with scripted() as server:
        async with pool_for(settings(server.port)) as pool:
            await send(pool)
        assert server.count("QUIT") == 1


async def test_closing_the_pool_lets_a_mail_in_flight_end() -> None:
    async with smtpd(_Turnstile(2)) as mailbox, pool_for(settings(mailbox.port)) as pool:
        first = asyncio.create_task(send(pool, 1))
        await until(lambda: mailbox.open_now == 1)
        await pool.aclose()
        async with pool_for(settings(mailbox.port)) as other:
            await send(other, 2)
        assert (await first).code == 250
        await until(lambda: mailbox.open_now == 0)


async def test_a_cancelled_mail_takes_its_session_with_it() -> None:
    async with scripted(RCPT=[HANG, "250 OK"]) as server, pool_for(settings(server.port)) as pool:
        sending = asyncio.create_task(send(pool, 1))
        await until(lambda: server.count("RCPT") == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await send(pool, 2)
    assert (server.sessions, len(server.payloads)) == (2, 1)


async def test_check_uses_a_kept_session_and_replaces_one_that_ended() -> None:
    async with scripted(NOOP=["250 OK", "250 OK", DROP, "250 OK"]) as server, pool_for(settings(server.port)) as pool:
        await pool.check()
        await pool.check()
        assert server.sessions == 1
        await pool.check()
        await send(pool)
        assert server.sessions == 2


async def test_after_an_outage_everything_goes_on_and_nothing_was_charged() -> None:
    mailbox = Mailbox()
    async with AsyncExitStack() as stack:
        async with smtpd(mailbox) as server:
            port = server.port
            pool = await stack.enter_async_context(pool_for(settings(port)))
            await send(pool, 0)
        for number in range(1, 6):
            with pytest.raises(MailUnavailable):
                await send(pool, number)
        with pytest.raises(MailUnavailable):
            await pool.check()
        async with smtpd(mailbox, port=port):
            await pool.check()
            await asyncio.gather(*(send(pool, number) for number in range(1, 6)))
    assert len(mailbox.mails) == 6
