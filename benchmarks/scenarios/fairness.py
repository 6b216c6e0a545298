"""Fifty healthy endpoints at a steady rate: by themselves, and while a fifth of all traffic goes to endless ones.

Both phases run on one system, one after the other, with publishers that keep to their schedule. The bad endpoints
(`bad_receiver`) never answer, drip, or take 9 s; they are not disabled here, so that they stay a burden.
"""

import asyncio
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from benchmarks.bad_receiver import KINDS
from benchmarks.bench import Bench
from benchmarks.figures import Measured, Plot, figure
from benchmarks.scenarios.latency import clocked_receiver
from benchmarks.system import System
from deploy.local.ports import free_port
from deploy.local.process import wait_until
from deploy.local.program import connects

NAME = "fairness"
HEALTHY = tuple(f"healthy_{number}" for number in range(50))
BAD_EACH = 5
"""Bad endpoints of each kind."""
RATE = 100
"""Events per second for the healthy ones, two for each; a fifth of all traffic is a quarter of this. It leaves the
machine room, with publishers and receivers on it: we want to see which deliveries wait for others, not for a core."""
BAD_RATE = RATE // 4
WARM_UP = 200
PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """What the healthy endpoints saw."""

    percentiles: dict[int, float]
    """Milliseconds from when an event was due until it was there."""
    cpu: float
    """CPU of the consumer, in seconds per second."""
    throughput: float
    """Events per second that had arrived when the last one was published."""


async def measure(bench: Bench) -> Measured:
    """Run both phases several times over."""
    phases: dict[str, list[Phase]] = defaultdict(list)
    fewest, most = [], []
    for _ in range(bench.size(full=3, quick=1)):
        settings = {"NOTIFICATION_AUTO_DISABLE_AFTER": "1000"}
        async with bench.system(**settings) as system, clocked_receiver(bench) as good, bad_receiver(bench) as bad:
            await _subscribe(system, good, bad)
            await system.start("webhook")
            await system.start("dispatcher")
            await _healthy(bench, system, good, WARM_UP)
            events = int(RATE * bench.size(full=20.0, quick=8.0))
            phases["alone"].append(await _healthy(bench, system, good, events))
            async with asyncio.TaskGroup() as group:
                group.create_task(_publish(bench, system, _bad(), events // 4, BAD_RATE))
                beside = group.create_task(_healthy(bench, system, good, events))
            phases["beside bad ones"].append(beside.result())
            seen = await _json(bad)
            assert len(seen) == BAD_EACH * len(KINDS), seen
            fewest.append(min(requests for requests, _ in seen.values()))
            most.append(max(at_once for _, at_once in seen.values()))
    return _measured(phases, fewest, most)


def _measured(phases: dict[str, list[Phase]], fewest: list[float], most: list[float]) -> Measured:
    alone, beside = phases["alone"], phases["beside bad ones"]
    figures = [
        figure(
            NAME,
            f"healthy p{percentile} beside bad ones",
            [phase.percentiles[percentile] for phase in beside],
            "ms",
            references=[phase.percentiles[percentile] for phase in alone],
            goal="ratio <= 2" if percentile == 99 else None,
        )
        for percentile in PERCENTILES
    ]
    figures.append(
        figure(
            NAME,
            "healthy throughput beside bad ones",
            [phase.throughput for phase in beside],
            "per s",
            references=[phase.throughput for phase in alone],
            goal="ratio >= 0.95",
        )
    )
    figures += [
        figure(
            NAME,
            "CPU of the consumer beside bad ones",
            [phase.cpu for phase in beside],
            "s per s",
            references=[phase.cpu for phase in alone],
        ),
        figure(NAME, "requests to the least tried bad endpoint", fewest, "requests", goal="value >= 2"),
        figure(NAME, "most requests at once to a bad endpoint", most, "requests", goal="value <= 8"),
    ]
    series: dict[str, Sequence[tuple[str | float, float]]] = {
        name: [
            (f"p{percentile}", statistics.median(phase.percentiles[percentile] for phase in of_it))
            for percentile in PERCENTILES
        ]
        for name, of_it in phases.items()
    }
    plot = Plot(name="fairness", title="Latency at 50 healthy endpoints", kind="bars", y="ms", series=series)
    return Measured(figures, [plot])


def _bad() -> tuple[str, ...]:
    return tuple(f"{kind}_{number}" for kind in KINDS for number in range(BAD_EACH))


async def _subscribe(system: System, good: str, bad: str) -> None:
    await system.subscribe(f"{good}/hook", tenants=HEALTHY)
    for tenant in _bad():
        await system.subscribe(f"{bad}/{tenant}", tenants=[tenant])


async def _healthy(bench: Bench, system: System, url: str, events: int) -> Phase:
    """Publish events for the healthy ones and wait until all have arrived."""
    meter = system.meter()
    before = meter.sample()
    seconds = await _publish(bench, system, HEALTHY, events, RATE)
    after = meter.sample()
    latencies: list[float] = await _json(url)
    throughput = len(latencies) / seconds

    async def all_arrived() -> bool:
        latencies.extend(await _json(url))
        return len(latencies) >= events

    await wait_until(all_arrived, within=60, what="all events for healthy endpoints arrive", step=0.1)
    cuts = statistics.quantiles(latencies, n=100)
    return Phase(
        percentiles={p: cuts[p - 1] for p in PERCENTILES},
        throughput=throughput,
        cpu=(after.cpu["webhook"] - before.cpu["webhook"]) / (after.at - before.at),
    )


async def _publish(bench: Bench, system: System, tenants: tuple[str, ...], events: int, rate: int) -> float:
    """Publish at a rate; returns the seconds that it took."""
    arguments = [system.environment["AMQP_URL"], str(events), "--rate", str(rate), "--tenants", *tenants]
    result = await bench.result("load", "benchmarks.load", *arguments)
    return float(result["seconds"])


async def _json(url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.json(content_type=None)


@asynccontextmanager
async def bad_receiver(bench: Bench) -> AsyncIterator[str]:
    """Run the receiver of bad endpoints; gives its address."""
    port = free_port()

    async def answers() -> bool:
        return await connects(port)

    async with bench.python("bad-receiver", "benchmarks.bad_receiver", str(port)):
        await wait_until(answers, within=30, what="the bad receiver answers")
        yield f"http://127.0.0.1:{port}"
