"""Each fault of a server leads to the right reaction: dead, retry, or hold because it is ours."""

import socket

import pytest

from services.mailer.answer import MailDeferred, MailRejected, MailUnavailable
from services.mailer.smtp_faults import TEXT_LIMIT
from tests.mail.mails import SENDER, a_mail, pool_for, send, settings
from tests.mail.servers import CLOSE_AFTER, DROP, HANG, scripted

STEPS = ["MAIL", "RCPT", "DATA", "final"]


@pytest.mark.parametrize("step", STEPS)
async def test_451_then_250_is_a_deferred_mail_that_arrives_the_next_time(step: str) -> None:
    usual = "354 go on" if step == "DATA" else "250 OK"
    async with scripted(**{step: ["451 4.7.1 greylisted", usual]}) as server, pool_for(settings(server.port)) as pool:
        with pytest.raises(MailDeferred) as fault:
            await send(pool)
        await send(pool)
    assert (fault.value.code, fault.value.text) == (451, "4.7.1 greylisted")
    assert fault.value.error_class == "smtp_4xx"
    assert not fault.value.unknown_outcome
    assert server.sessions == 1


@pytest.mark.parametrize("step", STEPS)
async def test_550_rejects_the_mail_for_good_and_keeps_the_servers_words(step: str) -> None:
    words = "550-5.1.1 no such user\r\n550 5.1.1 ask Ünal"
    async with scripted(**{step: words}) as server, pool_for(settings(server.port)) as pool:
        with pytest.raises(MailRejected) as fault:
            await send(pool)
    assert (fault.value.code, fault.value.text) == (550, "5.1.1 no such user 5.1.1 ask Ünal")


async def test_a_servers_words_are_cut_and_made_valid_unicode() -> None:
    words = "550 \udcff\t\x07" + "a" * 3000
    async with scripted(RCPT=words) as server, pool_for(settings(server.port)) as pool:
        with pytest.raises(MailRejected) as fault:
            await send(pool)
    assert fault.value.text.startswith("\N{REPLACEMENT CHARACTER} aaa")
    assert len(fault.value.text) == TEXT_LIMIT


@pytest.mark.parametrize(("behaviour", "error_class"), [(DROP, "disconnected"), (HANG, "timeout")])
@pytest.mark.parametrize("step", STEPS)
async def test_only_a_fault_behind_the_final_dot_leaves_the_outcome_open(
    step: str, behaviour: str, error_class: str
) -> None:
    async with scripted(**{step: behaviour}) as server, pool_for(settings(server.port, timeout=0.2)) as pool:
        with pytest.raises(MailDeferred) as fault:
            await send(pool)
    assert (fault.value.code, fault.value.error_class) == (None, error_class)
    assert fault.value.unknown_outcome == (step == "final")


@pytest.mark.parametrize(("answer", "code"), [("what?", None), ("199 hm", 199), ("354 again", 354)])
async def test_an_answer_that_means_nothing_is_retried_over_a_new_session(answer: str, code: int | None) -> None:
    async with scripted(final=[answer, "250 OK"]) as server, pool_for(settings(server.port)) as pool:
        with pytest.raises(MailDeferred) as fault:
            await send(pool)
        await send(pool)
    assert (fault.value.code, fault.value.error_class) == (code, "protocol_error")
    assert fault.value.unknown_outcome
    assert server.sessions == 2


@pytest.mark.parametrize(
    "answers",
    [
        {"greeting": "421 too busy" + CLOSE_AFTER},
        {"greeting": "554 no SMTP service here"},
        {"greeting": DROP},
        {"greeting": HANG},
        {"EHLO": "451 not now"},
        {"EHLO": "550 who are you?"},
        {"EHLO": DROP},
        {"EHLO": HANG},
    ],
    ids=str,
)
async def test_a_session_that_never_gets_ready_is_our_fault(answers: dict[str, str]) -> None:
    async with scripted(**answers) as server, pool_for(settings(server.port, timeout=0.2)) as pool:
        with pytest.raises(MailUnavailable):
            await send(pool)
        with pytest.raises(MailUnavailable):
            await pool.check()
    assert server.count("MAIL") == 0


async def test_a_relay_that_is_not_there_is_our_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    async with pool_for(settings(port)) as pool:
        with pytest.raises(MailUnavailable, match=str(port)):
            await send(pool)


async def test_a_relay_whose_name_is_no_host_name_is_our_fault() -> None:
    async with pool_for(settings(25, host="mail..example")) as pool:
        with pytest.raises(MailUnavailable):
            await send(pool)


@pytest.mark.parametrize("answer", ["530 5.7.0 authentication required", "503 send AUTH first"])
async def test_a_server_that_wants_a_login_we_have_none_for_is_our_fault(answer: str) -> None:
    async with scripted(MAIL=answer) as server, pool_for(settings(server.port)) as pool:
        with pytest.raises(MailUnavailable, match="login"):
            await send(pool)


@pytest.mark.parametrize(
    "recipient", ["nobody", "a@b@c", "ana@exa mple.com", "ana\r\nRCPT TO:<x@y.z>@example.com", ""]
)
async def test_a_recipient_that_is_no_address_is_rejected_without_asking_the_server(recipient: str) -> None:
    async with scripted() as server, pool_for(settings(server.port)) as pool:
        with pytest.raises(MailRejected, match="invalid recipient") as fault:
            await pool.send(a_mail(), sender=SENDER.address, recipient=recipient)
    assert fault.value.code is None
    assert server.sessions == 0
