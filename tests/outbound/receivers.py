"""Real receivers on loopback, a resolver that answers as told, and sessions to try them with."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from shared.outbound.answer import HttpAnswer, HttpFailure
from shared.outbound.policy import OutboundPolicy
from shared.outbound.post import post_bounded
from shared.outbound.session import outbound_session

STRICT = OutboundPolicy(environment_is_production=False)
LOOPBACK = OutboundPolicy(environment_is_production=False, allowed_networks=(ip_network("127.0.0.0/8"),))
LONG = 30.0
"""Seconds that no passing test waits for."""


@dataclass
class Receiver:
    """What a running server has seen."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    async def read_request(self, reader: asyncio.StreamReader) -> None:
        """Wait for a request and note it; raise IncompleteReadError when the sender hangs up instead."""
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        self.requests.append(head + await reader.readexactly(int(fields.get(b"content-length", 0))))


Script = Callable[[Receiver, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(*answers: bytes) -> Script:
    """Give each request of a connection the next answer, the last one for ever."""

    async def script(receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        remaining = list(answers)
        while True:
            await receiver.read_request(reader)
            writer.write(remaining.pop(0) if len(remaining) > 1 else remaining[0])
            await writer.drain()

    return script


def answer(status: str = "200 OK", *headers: str, body: bytes = b"ok") -> bytes:
    """Spell an HTTP answer."""
    return "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")).encode() + body


@asynccontextmanager
async def running(
    script: Script, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """Serve connections by a script; at the end cut them off and wait for the scripts."""
    receiver = Receiver()
    scripts: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        scripts[task] = writer
        receiver.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await script(receiver, reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for writer in scripts.values():
            writer.transport.abort()
        await asyncio.gather(*scripts)


@dataclass
class Listener:
    """A port that takes connections but never serves them, so that one attempt can be told for certain."""

    port: int
    sockets: list[socket.socket]

    def was_dialled(self) -> bool:
        """Say whether anybody has connected: the kernel completes a connect on loopback before it returns."""
        for listening in self.sockets:
            with suppress(BlockingIOError):
                listening.accept()[0].close()
                return True
        return False


@contextmanager
def listening(*hosts: str) -> Iterator[Listener]:
    """Listen on the same port of several loopback addresses."""
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sockets.append(socket.socket(family))
            sockets[-1].bind((host, sockets[0].getsockname()[1] if len(sockets) > 1 else 0))
            sockets[-1].listen()
            sockets[-1].setblocking(False)
        yield Listener(sockets[0].getsockname()[1], sockets)
    finally:
        for listening_socket in sockets:
            listening_socket.close()


class ScriptedResolver(AbstractResolver):
    """A name server under the test's control: each lookup of a name takes its next answer, the last one for ever."""

    def __init__(self, answers: dict[str, list[list[str]]]) -> None:
        self._answers = {name: list(given) for name, given in answers.items()}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if host not in self._answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = self._answers[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


def session(
    policy: OutboundPolicy, resolver: AbstractResolver | None = None, tls: ssl.SSLContext | None = None
) -> aiohttp.ClientSession:
    return outbound_session(policy, connect_timeout=LONG, resolver=resolver, ssl_context=tls)


async def post(
    opened: aiohttp.ClientSession, url: str, *, body: bytes = b"{}", total_timeout: float = LONG
) -> HttpAnswer | HttpFailure:
    return await post_bounded(opened, URL(url), body=body, headers={}, total_timeout=total_timeout)


async def status_of(opened: aiohttp.ClientSession, url: str) -> int:
    """Post, and insist on an answer."""
    came = await post(opened, url)
    assert isinstance(came, HttpAnswer), came
    return came.status


async def failure_of(opened: aiohttp.ClientSession, url: str, *, total_timeout: float = LONG) -> HttpFailure:
    """Post, and insist on getting no answer."""
    came = await post(opened, url, total_timeout=total_timeout)
    assert isinstance(came, HttpFailure), came
    return came
