"""What is taken of an answer: a status, an excerpt, `Retry-After`, within bounds of time and size."""

import asyncio
import gzip

import pytest
from yarl import URL

from shared.outbound.answer import ErrorClass, HttpAnswer, HttpFailure
from shared.outbound.post import EXCERPT_BYTES, MAX_READ_BYTES, post_bounded

from .receivers import LONG, LOOPBACK, Receiver, answer, answering, failure_of, listening, post, running, session


async def test_the_body_arrives_byte_for_byte_with_our_headers() -> None:
    body = '{"name":"é","big":12345678901234567890}'.encode()
    headers = {"Content-Type": "application/json", "User-Agent": "Signalpost/1", "webhook-id": "evt_1"}
    async with running(answering(answer())) as receiver, session(LOOPBACK) as opened:
        await post_bounded(
            opened, URL(f"http://127.0.0.1:{receiver.port}/a?b=c"), body=body, headers=headers, total_timeout=LONG
        )
    head, _, received = receiver.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert received == body
    assert lines[0] == "POST /a?b=c HTTP/1.1"
    assert {f"{name}: {value}" for name, value in headers.items()} < set(lines)
    assert "Accept-Encoding: identity" in lines


async def test_an_answer_gives_status_excerpt_and_retry_after() -> None:
    raw = answer("503 Service Unavailable", "Retry-After: 120", body=b"busy")
    async with running(answering(raw)) as receiver, session(LOOPBACK) as opened:
        came = await post(opened, f"http://127.0.0.1:{receiver.port}/")
    assert isinstance(came, HttpAnswer)
    assert (came.status, came.retry_after, came.excerpt) == (503, "120", b"busy")
    assert came.duration > 0


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect"])
async def test_a_redirect_is_an_answer_and_is_not_followed(status: str) -> None:
    with listening("127.0.0.1") as elsewhere:
        raw = answer(status, f"Location: http://127.0.0.1:{elsewhere.port}/")
        async with running(answering(raw)) as receiver, session(LOOPBACK) as opened:
            came = await post(opened, f"http://127.0.0.1:{receiver.port}/")
        assert isinstance(came, HttpAnswer)
        assert came.status == int(status[:3])
        assert len(receiver.requests) == 1
        assert not elsewhere.was_dialled()


async def test_cookies_are_not_sent_back() -> None:
    raw = answer("200 OK", "Set-Cookie: session=1; Path=/")
    async with running(answering(raw)) as receiver, session(LOOPBACK) as opened:
        for _ in range(2):
            await post(opened, f"http://127.0.0.1:{receiver.port}/")
    assert len(receiver.requests) == 2
    assert not any(b"cookie" in request.lower() for request in receiver.requests)


async def test_a_compressed_answer_is_not_expanded() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    raw = answer("200 OK", "Content-Encoding: gzip", body=bomb)
    async with running(answering(raw)) as receiver, session(LOOPBACK) as opened:
        came = await post(opened, f"http://127.0.0.1:{receiver.port}/")
    assert isinstance(came, HttpAnswer)
    assert came.excerpt == bomb[:EXCERPT_BYTES]


async def test_an_endless_answer_is_cut_off_and_its_connection_closed() -> None:
    hung_up = asyncio.Event()

    async def endless(receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await receiver.read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while not writer.is_closing():
                writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
                await writer.drain()
        finally:
            hung_up.set()

    async with running(endless) as receiver, session(LOOPBACK) as opened:
        came = await post(opened, f"http://127.0.0.1:{receiver.port}/")
        assert isinstance(came, HttpAnswer)
        assert (came.status, came.excerpt) == (200, b"x" * EXCERPT_BYTES)
        async with asyncio.timeout(LONG):
            await hung_up.wait()


@pytest.mark.parametrize(("size", "connections"), [(MAX_READ_BYTES - 1, 1), (20 * MAX_READ_BYTES, 2)])
async def test_a_connection_is_used_again_only_after_an_answer_within_the_bound(size: int, connections: int) -> None:
    async with running(answering(answer(body=b"x" * size))) as receiver, session(LOOPBACK) as opened:
        for _ in range(2):
            await post(opened, f"http://127.0.0.1:{receiver.port}/")
    assert receiver.connections == connections


async def test_a_dripping_body_ends_in_a_timeout_although_a_status_came() -> None:
    async def drip(receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await receiver.read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with running(drip) as receiver, session(LOOPBACK) as opened:
        failure = await failure_of(opened, f"http://127.0.0.1:{receiver.port}/", total_timeout=0.3)
    assert failure.error_class is ErrorClass.TIMEOUT
    assert len(receiver.requests) == 1


async def test_dripping_headers_end_in_a_timeout() -> None:
    async def drip(receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await receiver.read_request(reader)
        while not writer.is_closing():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with running(drip) as receiver, session(LOOPBACK) as opened:
        failure = await failure_of(opened, f"http://127.0.0.1:{receiver.port}/", total_timeout=0.3)
    assert failure.error_class is ErrorClass.TIMEOUT


async def test_cancelling_a_post_is_not_taken_for_a_failure_of_the_receiver() -> None:
    with listening("127.0.0.1") as silent:
        async with session(LOOPBACK) as opened:
            task: asyncio.Task[HttpAnswer | HttpFailure] = asyncio.create_task(
                post(opened, f"http://127.0.0.1:{silent.port}/")
            )
            async with asyncio.timeout(LONG):
                while not silent.was_dialled():  # noqa: ASYNC110 - the kernel has no event for it
                    await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
