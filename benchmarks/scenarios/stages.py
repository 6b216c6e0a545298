"""The throughput of each stage alone, beside the ceiling: the bare parts it is made of, measured in the same repeat.

A full queue is drained by one real process: first that of events by a dispatcher, then that of tasks by a webhook
consumer. What counts is operations for each CPU second of that process, which is what a core gets done.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.figures import Measured, Plot, figure
from benchmarks.meter import Window, watch
from benchmarks.pipeline import END, counter
from benchmarks.system import System, certificate_event
from shared.model.topology import EVENTS_TO_DISPATCH, WEBHOOK, to_send_queue

NAME = "stages"
TENANTS = tuple(f"org_{number}" for number in range(20))
UNIT = "per CPU-s"
BARE = ("bare post", "bare consume", "bare consume-raw", "bare publish")
SKIPPED = 0.1
"""The share of the operations before the window: the start, empty connection pools, small bounds."""


@dataclass(frozen=True)
class Bare:
    """Operations of one of the bare parts for each second of CPU, and for each second."""

    per_cpu_second: float
    per_second: float


async def measure(bench: Bench) -> Measured:
    """Run all of it several times over."""
    per_cpu: dict[str, list[float]] = defaultdict(list)
    walls: dict[str, list[float]] = defaultdict(list)
    micros: dict[str, list[float]] = defaultdict(list)
    for _ in range(bench.repeats):
        for name, bare in (await bare_parts(bench)).items():
            per_cpu[name].append(bare.per_cpu_second)
            walls[name].append(bare.per_second)
        per_cpu["ceiling"].append(1 / (1 / per_cpu["bare consume"][-1] + 1 / per_cpu["bare post"][-1]))
        for name, window in (await drain(bench)).items():
            per_cpu[name].append(window.per_cpu_second(name))
            walls[name].append(window.rate)
            for process, value in window.cpu_micros().items():
                micros[f"{name}: {process}"].append(value)
    figures = [
        *(figure(NAME, name, per_cpu[name], UNIT) for name in BARE),
        figure(NAME, "ceiling: consume and post", per_cpu["ceiling"], UNIT),
        figure(
            NAME, "webhook consumer", per_cpu["webhook"], UNIT, references=per_cpu["ceiling"], goal="ratio >= 0.6"
        ),
        figure(NAME, "dispatcher", per_cpu["dispatcher"], UNIT),
        *(figure(NAME, f"{name}, as it went", values, "per s") for name, values in walls.items()),
        *(figure(NAME, f"CPU with the {name}", values, "µs each") for name, values in micros.items()),
    ]
    bars = [(item.figure, item.value) for item in figures if item.unit == UNIT]
    plot = Plot(name="stages", title="What a core does of each", kind="bars", y=UNIT, series={"": bars})
    return Measured(figures, [plot])


async def bare_parts(bench: Bench) -> dict[str, Bare]:
    """Measure the bare parts, each in a process of its own."""
    operations = str(bench.size(full=10_000, quick=4_000))
    results = {}
    async with bench.system() as system:
        amqp = system.environment["AMQP_URL"]
        for part in ("post", "publish", "consume", "publish", "consume-raw"):
            url = f"{bench.nginx.url}/bare" if part == "post" else amqp
            results[f"bare {part}"] = await bench.result(f"bare-{part}", "benchmarks.bare", part, url, operations)
    return {
        name: Bare(result["operations"] / result["cpu_seconds"], result["operations"] / result["seconds"])
        for name, result in results.items()
    }


async def drain(bench: Bench) -> dict[str, Window]:
    """Let a dispatcher and then a webhook consumer drain a full queue."""
    total = bench.size(full=10_000, quick=4_000)
    async with bench.system() as system:
        await fill(bench, system, total)
        dispatcher = await drain_events(system, total)
        posted = await counter(bench)
        webhook = await drain_tasks(system, total, posted, receiver=bench.nginx.pid)
        assert await posted() == total
        return {"dispatcher": dispatcher, "webhook": webhook}


async def fill(bench: Bench, system: System, total: int) -> None:
    """Put this many events into the queue, each for one endpoint of the receiver."""
    await system.subscribe(bench.nginx.url, tenants=TENANTS)
    await system.publish([certificate_event(n, tenant=TENANTS[n % len(TENANTS)]) for n in range(total)])


async def drain_events(system: System, total: int) -> Window:
    """Turn the events in the queue into `total` tasks; the dispatcher has ended when this returns."""

    async def dispatched() -> int:
        return await system.waiting(to_send_queue(WEBHOOK))

    [dispatcher] = await system.start("dispatcher")
    window = await watch(system.meter(), dispatched, first=int(total * SKIPPED), last=total)
    assert await system.waiting(EVENTS_TO_DISPATCH) == 0
    await dispatcher.stop()
    return window


async def drain_tasks(system: System, total: int, through: Callable[[], Awaitable[int]], **others: int) -> Window:
    """Have the tasks in the queue delivered by a consumer, which has ended when this returns.

    Args:
        system: whose queue it is.
        total: how many tasks it holds.
        through: counts those that are through.
        others: processes to measure beside it (name=pid).
    """
    [consumer] = await system.start("webhook")
    window = await watch(system.meter(**others), through, first=int(total * SKIPPED), last=int(total * END))
    await system.settled(total)
    await consumer.stop()
    return window
