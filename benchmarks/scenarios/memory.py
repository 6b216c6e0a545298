"""How much memory each process takes at full load, and whether it stays at that: with `--soak` for ten minutes.

All services run, and have as much to do as they can: a backlog of events and of mails, and an API that is asked to
take in events all the time. A slope is fitted to the second half, when caches and pools are full.
"""

import asyncio
import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import jwt

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Measured, Plot, figure
from benchmarks.meter import Meter
from benchmarks.pipeline import BACKLOG, tenants
from benchmarks.scenarios.mail import invitation
from benchmarks.smtp_sink import SmtpSink
from benchmarks.system import System, certificate_event
from deploy.local.process import wait_until
from shared.model.topology import EMAIL, to_send_queue

NAME = "memory"
SERVICES = ("api", "dispatcher", "webhook", "mailer")
MEGABYTE = 1e6
JWT_SECRET = "a secret of the benchmarks, long enough"  # noqa: S105 - for a system that lives for minutes
LOOK_EVERY = 0.5
POINTS = 100
"""Points of a line in the plot, or some more."""
API_CALLERS = 8
MAILS_AT_ONCE = 200


async def measure(bench: Bench) -> Measured:
    """Run everything at full load for a while and look at its memory."""
    seconds = 600.0 if bench.soak else bench.size(full=60.0, quick=8.0)
    sink = SmtpSink()
    settings = {
        "AUTH_JWT_SECRET": JWT_SECRET,
        "NOTIFICATION_SMTP_HOST": "127.0.0.1",
        "NOTIFICATION_SMTP_PORT": str(sink.port),
    }
    async with AsyncExitStack() as running:
        await running.enter_async_context(bench.process("smtp-sink", sink.argv))
        await wait_until(sink.ready, within=30, what="the SMTP sink greets")
        system = await running.enter_async_context(bench.system(**settings))
        await system.subscribe(bench.nginx.url, tenants=tenants(1))
        for service in SERVICES:
            await system.start(service)
        arguments = [system.environment["AMQP_URL"], str(10**9), "--backlog", str(BACKLOG), "--tenants", *tenants(1)]
        await running.enter_async_context(bench.python("load", "benchmarks.load", *arguments))
        await running.enter_async_context(_loaded(system))
        series = await _watched(system.meter(), seconds)
    return Measured([item for name in SERVICES for item in _figures(bench, name, series[name])], [_plot(series)])


def _figures(bench: Bench, name: str, points: Sequence[tuple[float, float]]) -> list[Figure]:
    later = points[len(points) // 2 :]
    slope = statistics.linear_regression([at for at, _ in later], [megabytes for _, megabytes in later]).slope
    return [
        figure(NAME, f"{name}, at most", [max(megabytes for _, megabytes in points)], "MB", goal="value <= 150"),
        # In a short run, buffers and pools are still growing to their size.
        figure(NAME, f"{name}, growth", [slope * 60], "MB per min", goal="value <= 0.5" if bench.soak else None),
    ]


def _plot(series: dict[str, list[tuple[float, float]]]) -> Plot:
    step = max(len(series[SERVICES[0]]) // POINTS, 1)
    lines: dict[str, Sequence[tuple[str | float, float]]] = {name: list(series[name][::step]) for name in SERVICES}
    return Plot(name="memory", title="Memory at full load", kind="lines", x="seconds", y="MB", series=lines)


async def _watched(meter: Meter, seconds: float) -> dict[str, list[tuple[float, float]]]:
    """Return the memory of each process over this many seconds."""
    series: dict[str, list[tuple[float, float]]] = defaultdict(list)
    began = time.monotonic()
    while (at := time.monotonic() - began) < seconds:
        for name, rss in meter.sample().rss.items():
            series[name].append((at, rss / MEGABYTE))
        await asyncio.sleep(LOOK_EVERY)
    return series


@asynccontextmanager
async def _loaded(system: System) -> AsyncIterator[None]:
    """Keep the mailer and the API busy for as long as the block lasts."""
    numbers = itertools.count()
    headers = {"Authorization": f"Bearer {_token()}"}
    async with aiohttp.ClientSession(system.services["api"].url, headers=headers) as session:
        tasks = [asyncio.create_task(_call(session, numbers)) for _ in range(API_CALLERS)]
        tasks.append(asyncio.create_task(_invite(system)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


async def _call(session: aiohttp.ClientSession, numbers: Iterator[int]) -> None:
    """Have the API take in one event after the other."""
    for number in numbers:
        event = certificate_event(number, tenant="org_0")
        body = {
            "id": f"api-{number}",
            "source": event.source,
            "type": event.type,
            "time": event.time_text,
            "data": {"certificate_id": f"cert_{number}"},
        }
        async with session.post("/api/v1/events", json=body) as answer:
            assert answer.status in {202, 503}, await answer.text()  # it may shed load


async def _invite(system: System) -> None:
    """Keep some mails waiting."""
    for start in itertools.count(0, MAILS_AT_ONCE):
        await system.publish([invitation(number) for number in range(start, start + MAILS_AT_ONCE)])
        while await system.waiting(to_send_queue(EMAIL)) >= MAILS_AT_ONCE:  # noqa: ASYNC110 - the queue is elsewhere
            await asyncio.sleep(LOOK_EVERY)


def _token() -> str:
    claims = {"sub": "bench", "org_id": "org_0", "roles": ["PRODUCER"], "exp": int(time.time()) + 7200}
    return jwt.encode(claims, JWT_SECRET, algorithm="HS256")
