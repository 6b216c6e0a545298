"""From the moment an event is due to be published until the receiver has it, at rates far below the limit.

The publisher keeps to its schedule whatever happens (open loop), so that waiting in a queue is seen. Beside it, in
turn: the least that brings an event from a queue to a receiver (`bare_pipeline`), with the same publisher.
"""

import statistics
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from benchmarks.bare import QUEUE
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Measured, Plot, figure
from benchmarks.system import System
from deploy.local.ports import free_port
from deploy.local.process import wait_until
from deploy.local.program import connects

NAME = "latency"
RATES = (50, 200, 500)
PERCENTILES = (50, 95, 99)
GOALS = {(200, 50): "value <= 15", (200, 99): "value <= 60"}
TENANTS = tuple(f"org_{number}" for number in range(20))
WARM_UP = 100
SIGNALPOST, BARE = "Signalpost", "bare pipeline"


async def measure(bench: Bench) -> Measured:
    """Take turns at each rate; both pipelines stand ready all the time."""
    values: dict[tuple[int, int, str], list[float]] = defaultdict(list)
    for _ in range(bench.size(full=3, quick=1)):
        async with bench.system() as system, clocked_receiver(bench) as url:
            await system.subscribe(f"{url}/hook", tenants=TENANTS)
            await system.start("webhook")
            await system.start("dispatcher")
            async with bench.python("bare-pipeline", "benchmarks.bare_pipeline", system.environment["AMQP_URL"], url):
                await _publish(bench, system, url, WARM_UP, 100, SIGNALPOST)
                await _publish(bench, system, url, WARM_UP, 100, BARE)
                for rate in RATES:
                    events = int(rate * bench.size(full=10.0, quick=2.0))
                    for name in (BARE, SIGNALPOST):
                        latencies = await _publish(bench, system, url, events, rate, name)
                        cuts = statistics.quantiles(latencies, n=100)
                        for percentile in PERCENTILES:
                            values[rate, percentile, name].append(cuts[percentile - 1])
    return Measured(_figures(values), [_plot(values)])


async def _publish(bench: Bench, system: System, url: str, events: int, rate: int, name: str) -> list[float]:
    """Publish at a rate, and return each event's milliseconds."""
    queue = ["--queue", QUEUE] if name == BARE else []
    arguments = [system.environment["AMQP_URL"], str(events), "--rate", str(rate), *queue, "--tenants", *TENANTS]
    await bench.result("load", "benchmarks.load", *arguments)
    latencies: list[float] = []
    async with aiohttp.ClientSession() as session:

        async def all_arrived() -> bool:
            async with session.get(url) as answer:
                latencies.extend(await answer.json(content_type=None))
            return len(latencies) >= events

        await wait_until(all_arrived, within=60, what="all events arrive", step=0.1)
    assert len(latencies) == events
    return latencies


@asynccontextmanager
async def clocked_receiver(bench: Bench) -> AsyncIterator[str]:
    """Run a receiver that notes the latency of each event; gives its address."""
    port = free_port()

    async def answers() -> bool:
        return await connects(port)

    async with bench.python("clocked-receiver", "benchmarks.clocked_receiver", str(port)):
        await wait_until(answers, within=30, what="the receiver answers")
        yield f"http://127.0.0.1:{port}"


def _figures(values: dict[tuple[int, int, str], list[float]]) -> list[Figure]:
    return [
        figure(
            NAME,
            f"p{percentile} at {rate}/s",
            values[rate, percentile, SIGNALPOST],
            "ms",
            references=values[rate, percentile, BARE],
            goal=GOALS.get((rate, percentile)),
        )
        for rate in RATES
        for percentile in PERCENTILES
    ]


def _plot(values: dict[tuple[int, int, str], list[float]]) -> Plot:
    return Plot(
        name="latency",
        title="From publish to receiver",
        kind="lines",
        x="events per second",
        y="ms",
        series={
            f"{name} p{percentile}": [(rate, statistics.median(values[rate, percentile, name])) for rate in RATES]
            for name in (SIGNALPOST, BARE)
            for percentile in (50, 99)
        },
    )
