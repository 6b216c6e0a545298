"""A real HTTP receiver: records every request as it came and answers by a script for each path."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from tests.support.http_server import http_server
from tests.support.waiting import eventually_here


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request."""

    at: float
    """Unix time of arrival."""
    path: str
    headers: Mapping[str, str]
    """Header names are case-insensitive."""
    body: bytes


Answer = int | web.Response | Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """Answers 200 unless told otherwise with `script`."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self._scripts: dict[str, list[Answer]] = defaultdict(list)
        self._url = ""

    def url(self, path: str = "/") -> str:
        """The address of a path."""
        return self._url + path

    def script(self, path: str, *answers: Answer) -> str:
        """Answer a path's requests one after the other like this, the last one for ever; returns its address."""
        self._scripts[path] = list(answers)
        return self.url(path)

    def at(self, path: str) -> list[Received]:
        """The requests to a path so far."""
        return [request for request in self.requests if request.path == path]

    async def wait_for(self, path: str, count: int = 1, *, within: float = 20.0) -> list[Received]:
        """Wait until a path has had at least so many requests."""
        return await eventually_here(lambda: self.at(path), until=lambda seen: len(seen) >= count, within=within)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append(Received(at=time.time(), path=request.path, headers=request.headers.copy(), body=body))
        script = self._scripts.get(request.path) or [200]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, int):
            return web.Response(status=answer, text=f"status {answer}")
        if isinstance(answer, web.Response):
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        return await answer(request)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver until the end of the block."""
    receiver = Receiver()
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", receiver._handle)
    async with http_server(app) as receiver._url:
        yield receiver


async def hang(request: web.Request) -> web.StreamResponse:
    """Never answer (until the receiver is closed)."""
    await asyncio.sleep(3600)
    return web.Response()


async def drip(request: web.Request) -> web.StreamResponse:
    """Answer 200 and then send a byte now and then, without end."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b".")
        await asyncio.sleep(0.2)


async def reset(request: web.Request) -> web.StreamResponse:
    """Break the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
