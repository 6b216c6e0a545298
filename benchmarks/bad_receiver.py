"""A receiver of the worst kinds: `python -m benchmarks.bad_receiver PORT`.

`/hang…` never answers, `/drip…` answers 200 and then sends a byte now and then, `/slow…` answers 200 after
9 seconds, just within the time that we allow. `GET /` tells of each path how many requests came and how many there
were at once at the most, as JSON.
"""

import asyncio
import sys
from collections import Counter

import uvloop
from aiohttp import web

SLOW_SECONDS = 9.0
KINDS = ("hang", "drip", "slow")

requests: Counter[str] = Counter()
at_once: Counter[str] = Counter()
most_at_once: Counter[str] = Counter()


async def handle(request: web.Request) -> web.StreamResponse:
    """Behave as badly as the path says, until the client gives up."""
    path = request.path
    requests[path] += 1
    at_once[path] += 1
    most_at_once[path] = max(most_at_once[path], at_once[path])
    try:
        await request.read()
        if path.startswith("/slow"):
            await asyncio.sleep(SLOW_SECONDS)
            return web.Response()
        if path.startswith("/drip"):
            await _drip(request)
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")
    finally:
        at_once[path] -= 1


async def _drip(request: web.Request) -> None:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b".")
        await asyncio.sleep(0.5)


async def tell(_: web.Request) -> web.Response:
    """What came so far."""
    return web.json_response({path: [requests[path], most_at_once[path]] for path in requests})


async def main() -> None:
    """Serve until ended."""
    app = web.Application()
    app.router.add_get("/", tell)
    app.router.add_post("/{path:.*}", handle)
    # Cancelled when the client hangs up: only then is the request over, here as there.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1]), backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
