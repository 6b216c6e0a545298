"""Clients of the API that misbehave, without a token where they can: they are ended, and others notice nothing."""

import asyncio
import contextlib
from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from tests.hostile.neighbour import undisturbed
from tests.hostile.raw_client import ENDED_WITHIN, Ended, until_ended
from tests.support.system import System, token
from tests.telemetry.scrape import Counting

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
WHOLE = GET + b"\r\n"
LAST = GET + b"Connection: close\r\n\r\n"
POST = b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
BLOCK = 64 * 1024
TLS_HELLO = bytes.fromhex("16030102000100 01fc0303".replace(" ", "")) + bytes(range(256)) * 2
AT_ONCE = 8

TOO_MUCH: dict[str, tuple[bytes, bytes, int, int]] = {
    "a header value of 60 MiB": (GET + b"X-A: ", b"a" * BLOCK, 960, 431),
    "header lines without end": (GET, b"X-A: b\r\n" * 8192, 960, 431),
    "100,000 header fields": (GET, b"X-A: b\r\n" * 1000, 100, 431),
    "101 header fields": (GET, b"X-A: b\r\n" * 100 + b"\r\n", 1, 431),
    "a header name of 60 MiB": (GET, b"a" * BLOCK, 960, 431),
    "a request line of 60 MiB": (b"GET /", b"a" * BLOCK, 960, 414),
    "a method without end": (b"", b"A" * BLOCK, 960, 400),
    "empty lines without end": (b"", b"\r\n" * BLOCK, 100, 431),
    "TLS": (TLS_HELLO, b"", 0, 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0" * 9, 1, 400),
    "a tunnel": (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * BLOCK, 100, 400),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", b"a", 1, 400),
    "length and chunks": (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"a", 1, 400),
    "bytes that are no HTTP": (bytes(range(256)), b"\xff" * BLOCK, 100, 400),
}
"""What is sent first; what then, how often; and how it is refused."""

FRAMING: dict[str, bytes] = {
    "chunks of a byte": b"1\r\na\r\n" * 8192,
    "chunks with long extensions": (b"1;" + b"x" * 1000 + b"\r\na\r\n") * 64,
    "trailers": b"0\r\n" + b"a: b\r\n" * 8192,
}

HALVES: dict[str, bytes] = {
    "nothing": b"",
    "an empty line": b"\r\n",
    "a letter": b"G",
    "half a request line": b"GET /health/li",
    "half a header": GET,
    "all but the last byte of a header": WHOLE[:-1],
    "a header without its body": POST + b"Content-Length: 10\r\n\r\n",
    "half a body": POST + b"Content-Length: 10\r\n\r\n{",
    "half a chunk's length": CHUNKED + b"1",
    "half a chunk": CHUNKED + b"5\r\nab",
    "chunks without their end": CHUNKED + b"2\r\nab\r\n",
    "half a trailer": CHUNKED + b"0\r\na: b",
    "a promise to go on": POST + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n",
    "a whole request": WHOLE,
    "a request and a half": WHOLE + GET,
}


def _port(api: System) -> int:
    return api.services["api"].port("api")


async def _all(api: System, *pieces: bytes, count: int = AT_ONCE, pause: float = 0.0) -> list[Ended]:
    port = _port(api)
    return await asyncio.gather(*(until_ended(port, pieces, pause=pause) for _ in range(count)))


@pytest.mark.parametrize("attack", TOO_MUCH)
async def test_too_much_is_refused_before_it_is_held(api: System, tenant: str, attack: str) -> None:
    first, then, times, status = TOO_MUCH[attack]
    port = _port(api)

    def pieces() -> Iterator[bytes]:
        return chain([first], repeat(then, times))

    async with undisturbed(api, tenant):
        ended = await asyncio.gather(*(until_ended(port, pieces()) for _ in range(AT_ONCE)))
    assert [each.statuses for each in ended] == [[status]] * AT_ONCE


@pytest.mark.parametrize("attack", TOO_MUCH)
async def test_the_health_port_refuses_the_same(api: System, tenant: str, attack: str) -> None:
    first, then, times, _ = TOO_MUCH[attack]
    async with undisturbed(api, tenant):
        ended = await until_ended(api.services["api"].port("health"), chain([first], repeat(then, times)))
    assert ended.statuses in ([400], [414], [431])  # its header is smaller: size may be noticed before nonsense


@pytest.mark.parametrize("attack", FRAMING)
async def test_a_body_that_is_mostly_framing_is_refused(api: System, tenant: str, attack: str) -> None:
    bearer = f"Authorization: Bearer {token(tenant)}\r\n".encode()
    head = CHUNKED.replace(b"\r\n", b"\r\n" + bearer, 1)
    port = _port(api)
    async with undisturbed(api, tenant):
        ended = await asyncio.gather(
            *(until_ended(port, chain([head], repeat(FRAMING[attack], 1000))) for _ in range(AT_ONCE))
        )
    assert [each.statuses for each in ended] == [[400]] * AT_ONCE


@pytest.mark.parametrize("bearer", [False, True])
async def test_a_body_without_end_is_not_read_to_its_end(api: System, tenant: str, bearer: bool) -> None:
    head = POST + b"Content-Length: 4000000000\r\n"
    head += f"Authorization: Bearer {token(tenant)}\r\n".encode() if bearer else b""
    port = _port(api)
    async with undisturbed(api, tenant):
        ended = await asyncio.gather(
            *(until_ended(port, chain([head + b"\r\n"], repeat(b"a" * BLOCK, 60_000))) for _ in range(AT_ONCE))
        )
    assert all(set(each.statuses) <= {413 if bearer else 401} for each in ended)


@pytest.mark.parametrize("state", HALVES)
async def test_silence_ends_in_every_state(api: System, tenant: str, state: str) -> None:
    async with undisturbed(api, tenant):
        await _all(api, HALVES[state], count=50)


@pytest.mark.parametrize("state", ["a header without its body", "half a chunk"])
async def test_silence_in_a_body_ends_with_a_token_too(api: System, tenant: str, state: str) -> None:
    half = HALVES[state].replace(b"\r\n", f"\r\nAuthorization: Bearer {token(tenant)}\r\n".encode(), 1)
    async with undisturbed(api, tenant):
        ended = await _all(api, half, count=50)
    assert [each.statuses for each in ended] == [[408]] * 50


@pytest.mark.parametrize("slowly", [GET + b"X-A: " + b"a" * 200, POST + b"Content-Length: 200\r\n\r\n" + b" " * 200])
async def test_byte_after_byte_gains_no_time(api: System, tenant: str, slowly: bytes) -> None:
    async with undisturbed(api, tenant):
        await _all(
            api, slowly[:-200], *(slowly[at : at + 1] for at in range(len(slowly) - 200, len(slowly))), pause=0.1
        )


async def test_requests_sent_ahead_are_answered_one_after_the_other(api: System, tenant: str) -> None:
    async with undisturbed(api, tenant):
        ended = await _all(api, WHOLE * 1000 + LAST, count=2)
    assert [each.statuses for each in ended] == [[200] * 1001] * 2


async def test_requests_sent_ahead_in_odd_pieces_are_told_apart(api: System) -> None:
    sent = POST + b"Content-Length: 4\r\n\r\n\r\n\r\n" + WHOLE * 20 + LAST
    for size in (1, 2, 3, 5, 50, 51):
        [ended] = await _all(api, *(sent[at : at + size] for at in range(0, len(sent), size)), count=1)
        assert ended.statuses == [401] + [200] * 21


async def test_a_client_that_does_not_read_its_answers_is_ended(api: System, tenant: str) -> None:
    ended = await Counting.of(api, "api")
    page = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    async with undisturbed(api, tenant):
        _, writer = await asyncio.open_connection("127.0.0.1", _port(api), limit=1024)
        writer.write(page * 200)
        await ended.until("http_refusals_total", 1, reason="unread")
        writer.transport.abort()


async def test_silent_connections_take_nobody_elses_place(api: System, tenant: str) -> None:
    port = _port(api)
    async with undisturbed(api, tenant):  # from another address than they are
        await asyncio.gather(*(until_ended(port, [b"G"], host=f"127.0.0.{2 + n % 5}") for n in range(500)))


async def test_silent_connections_from_ones_own_address_leave_room(api: System) -> None:
    port = _port(api)
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(250)]
    for _ in range(20):
        assert (await until_ended(port, [LAST])).statuses == [200]
    for reader, writer in silent:
        async with asyncio.timeout(ENDED_WITHIN):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        writer.transport.abort()


async def test_a_header_that_is_just_small_enough_is_taken(api: System) -> None:
    value = b"a" * (32 * 1024 - len(LAST) - len(b"X-A: \r\n"))
    [ended] = await _all(api, GET + b"X-A: " + value + b"\r\nConnection: close\r\n\r\n", count=1)
    assert ended.statuses == [200]
    [ended] = await _all(api, GET + b"X-A: a" + value + b"\r\nConnection: close\r\n\r\n", count=1)
    assert ended.statuses == [431]


async def test_who_asks_for_another_protocol_is_answered_in_this_one(api: System) -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    body = POST + upgrade + b"Content-Length: 2\r\n\r\n{}"
    [ended] = await _all(api, GET + upgrade + b"\r\n" + body + LAST, count=1)
    assert ended.statuses == [200, 401, 200]


async def test_a_trailer_is_no_header(api: System, tenant: str) -> None:
    trailer = f"0\r\nAuthorization: Bearer {token(tenant)}\r\n\r\n".encode()
    [ended] = await _all(api, CHUNKED, b"2\r\n{}\r\n" + trailer, count=1)
    assert ended.statuses == [401]
