"""How failures are classed: each by a real receiver, name or URL that fails in that way."""

import asyncio
import socket
import ssl

import pytest
import trustme
from yarl import URL

from shared.outbound.answer import ErrorClass, HttpFailure
from shared.outbound.post import post_bounded
from shared.outbound.session import outbound_session

from .receivers import (
    LONG,
    LOOPBACK,
    Receiver,
    ScriptedResolver,
    answer,
    answering,
    failure_of,
    listening,
    running,
    session,
    status_of,
)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_a_trusted_certificate_for_the_right_name_is_accepted(authority: trustme.CA) -> None:
    resolver = ScriptedResolver({"hooks.example": [["127.0.0.1"]]})
    async with (
        running(answering(answer()), tls=server_tls(authority, "hooks.example")) as receiver,
        session(LOOPBACK, resolver, client_tls(authority)) as opened,
    ):
        assert await status_of(opened, f"https://hooks.example:{receiver.port}/") == 200


async def test_a_certificate_for_another_name_is_a_tls_failure(authority: trustme.CA) -> None:
    resolver = ScriptedResolver({"hooks.example": [["127.0.0.1"]]})
    async with (
        running(answering(answer()), tls=server_tls(authority, "other.example")) as receiver,
        session(LOOPBACK, resolver, client_tls(authority)) as opened,
    ):
        failure = await failure_of(opened, f"https://hooks.example:{receiver.port}/")
    assert failure.error_class is ErrorClass.TLS
    assert "hooks.example" in failure.detail
    assert receiver.requests == []


async def test_certificates_are_verified_unless_told_otherwise(authority: trustme.CA) -> None:
    async with (
        running(answering(answer()), tls=server_tls(authority, "127.0.0.1")) as receiver,
        session(LOOPBACK) as opened,
    ):
        failure = await failure_of(opened, f"https://127.0.0.1:{receiver.port}/")
    assert failure.error_class is ErrorClass.TLS
    assert receiver.requests == []


async def test_plain_http_on_a_tls_port_is_a_tls_failure() -> None:
    async def speak_first(receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read()

    async with running(speak_first) as receiver, session(LOOPBACK) as opened:
        failure = await failure_of(opened, f"https://127.0.0.1:{receiver.port}/")
    assert failure.error_class is ErrorClass.TLS


async def test_a_name_without_addresses_is_a_dns_failure() -> None:
    async with session(LOOPBACK, ScriptedResolver({})) as opened:
        failure = await failure_of(opened, "http://hooks.example/")
    assert (failure.error_class, failure.detail) == (ErrorClass.DNS, "Name or service not known")


async def test_a_closed_port_is_a_connect_failure() -> None:
    with socket.socket() as bound_but_not_listening:
        bound_but_not_listening.bind(("127.0.0.1", 0))
        port = bound_but_not_listening.getsockname()[1]
        async with session(LOOPBACK) as opened:
            failure = await failure_of(opened, f"http://127.0.0.1:{port}/")
    assert (failure.error_class, failure.detail) == (ErrorClass.CONNECT, "Connection refused")


async def test_silence_is_a_timeout() -> None:
    with listening("127.0.0.1") as silent:
        async with session(LOOPBACK) as opened:
            failure = await failure_of(opened, f"http://127.0.0.1:{silent.port}/", total_timeout=0.2)
    assert failure.error_class is ErrorClass.TIMEOUT


async def test_a_name_server_that_does_not_answer_is_a_timeout() -> None:
    class Silent(ScriptedResolver):
        async def resolve(self, *args: object, **kwargs: object) -> list[object]:  # type: ignore[override]
            await asyncio.Event().wait()
            raise AssertionError

    async with asyncio.timeout(LONG), outbound_session(LOOPBACK, connect_timeout=0.2, resolver=Silent({})) as opened:
        failure = await failure_of(opened, "http://hooks.example/", total_timeout=2 * LONG)
    assert failure.error_class is ErrorClass.TIMEOUT


async def test_a_tls_handshake_that_never_ends_is_a_timeout_of_the_connect() -> None:
    with listening("127.0.0.1") as silent:
        async with asyncio.timeout(LONG), outbound_session(LOOPBACK, connect_timeout=0.2) as opened:
            failure = await failure_of(opened, f"https://127.0.0.1:{silent.port}/", total_timeout=2 * LONG)
    assert failure.error_class is ErrorClass.TIMEOUT


@pytest.mark.parametrize(
    "partial",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        answer(body=b"whole")[:-1],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n",
    ],
    ids=["nothing", "half-a-head", "half-a-body", "no-last-chunk"],
)
async def test_an_answer_that_breaks_off_is_a_reset(partial: bytes) -> None:
    async def break_off(receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await receiver.read_request(reader)
        writer.write(partial)
        await writer.drain()

    async with running(break_off) as receiver, session(LOOPBACK) as opened:
        failure = await failure_of(opened, f"http://127.0.0.1:{receiver.port}/")
    assert failure.error_class is ErrorClass.RESET
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"220 mail.example ESMTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
    ids=["another-protocol", "bad-length", "endless-header"],
)
async def test_an_answer_that_is_not_http_is_a_protocol_failure(raw: bytes) -> None:
    async with running(answering(raw)) as receiver, session(LOOPBACK) as opened:
        failure = await failure_of(opened, f"http://127.0.0.1:{receiver.port}/")
    assert failure.error_class is ErrorClass.PROTOCOL


@pytest.mark.parametrize("url", ["//127.0.0.1/", "http://a..b/", "ftp://hooks.example/", "http://127.1/", "/path"])
async def test_a_url_that_slipped_past_the_policy_is_a_failure_and_no_crash(url: str) -> None:
    async with session(LOOPBACK) as opened:
        failure = await failure_of(opened, url)
    assert failure.error_class is ErrorClass.INVALID_REQUEST


async def test_a_header_that_would_split_the_request_is_not_sent() -> None:
    async with running(answering(answer())) as receiver, session(LOOPBACK) as opened:
        failure = await post_bounded(
            opened,
            URL(f"http://127.0.0.1:{receiver.port}/"),
            body=b"{}",
            headers={"X-Custom": "a\r\nX-Injected: b"},
            total_timeout=LONG,
        )
    assert isinstance(failure, HttpFailure)
    assert failure.error_class is ErrorClass.INVALID_REQUEST
    assert receiver.requests == []


async def test_a_closed_session_is_a_fault_of_ours_and_blamed_on_nobody() -> None:
    opened = session(LOOPBACK)
    await opened.close()
    with pytest.raises(RuntimeError):
        await failure_of(opened, "http://127.0.0.1/")
