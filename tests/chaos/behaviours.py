"""How the receivers behave. A receiver's bad behaviour follows from its name and the message, so a run repeats."""

import asyncio
import hashlib
from dataclasses import dataclass

from aiohttp import web

ANSWER_WITHIN = 3.0
"""Seconds that the services wait for an answer in a chaos run (NOTIFICATION_HTTP_TIMEOUT)."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """A kind of receiver."""

    name: str
    failures: int
    """How many attempts at most fail before one succeeds; -1: none ever succeeds."""
    dead_reason: str | None = None
    """The reason its deliveries die with, if they do."""


BEHAVIOURS = (
    Behaviour(name="good", failures=0),
    Behaviour(name="slow", failures=0),
    Behaviour(name="flaky", failures=2),
    Behaviour(name="resetting", failures=2),
    Behaviour(name="dripping", failures=1),
    Behaviour(name="hanging", failures=1),
    Behaviour(name="lying", failures=1),
    Behaviour(name="later", failures=1),
    Behaviour(name="refusing", failures=-1, dead_reason="http_4xx"),
    Behaviour(name="broken", failures=-1, dead_reason="retries_exhausted"),
)
BY_NAME = {behaviour.name: behaviour for behaviour in BEHAVIOURS}


def fails(behaviour: Behaviour, webhook_id: str, attempt: int) -> bool:
    """Say whether this attempt at this message is one that fails."""
    if behaviour.failures < 0:
        return True
    drawn = hashlib.sha256(f"{behaviour.name}/{webhook_id}".encode()).digest()[0]
    return attempt <= drawn % (behaviour.failures + 1)


async def respond(behaviour: Behaviour, request: web.Request, *, failing: bool) -> web.StreamResponse:
    """Answer as this kind of receiver does."""
    if not failing:
        if behaviour.name == "slow":
            await asyncio.sleep(0.3)
        return web.Response(text="ok")
    match behaviour.name:
        case "resetting":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        case "dripping":
            return await _drip(request)
        case "hanging":
            await asyncio.sleep(ANSWER_WITHIN * 2)
            return web.Response(status=500)
        case "lying":
            return await _promise_too_much(request)
        case "later":
            # A date from a clock that is wrong by years asks for no wait at all, or for one that is capped.
            return web.Response(status=503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
        case "refusing":
            return web.Response(status=422, text="I do not want this")
        case _:
            return web.Response(status=500, text="broken")


async def _drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(int(ANSWER_WITHIN * 4)):
        await response.write(b".")
        await asyncio.sleep(0.5)
    return response


async def _promise_too_much(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"less than that")
    if request.transport is not None:
        request.transport.close()
    return response
