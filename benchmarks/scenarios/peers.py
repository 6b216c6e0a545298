"""The same job as others do it, on the same servers in the same repeat: a full queue of deliveries is drained.

Each gets the machine to itself, with as many processes as suit it. (Celery's gevent pool was tried: it was never
faster than its processes, and stood still for a minute now and then.) Acked only after the outcome is stored, by a
majority: so do all of them.
"""

import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.figures import Measured, Plot, figure
from benchmarks.meter import Window, watch
from benchmarks.pipeline import END, counter
from benchmarks.scenarios.stages import SKIPPED, drain_events, fill
from benchmarks.system import System
from deploy.local.process import Process, StackError
from deploy.local.services import Service

NAME = "peers"
PROCESSES = 2


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One way of building it."""

    module: str
    workers: Sequence[Sequence[str]]
    """The command line of each worker, after the interpreter."""
    portions: int = 1
    """How much it gets to do: the quicker one more, so that it does not have everything in hand at the start."""


def _celery(number: int, *options: str) -> tuple[str, ...]:
    # Gossip and mingle are for fleets of workers; without them there is less to do.
    quiet = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING", "--hostname", f"peer{number}@localhost")
    return ("-m", "celery", "--app", "benchmarks.peers.celery_peer", "worker", *quiet, *options)


CELERY = "benchmarks.peers.celery_peer"
FASTSTREAM = "benchmarks.peers.faststream_peer"
PEERS = {
    # "Concurrency": more processes than cores, for they mostly wait.
    "Celery": Peer(module=CELERY, workers=[_celery(1, "--pool", "prefork", "--concurrency", "8")]),
    "FastStream": Peer(
        module=FASTSTREAM,
        workers=[("-m", "faststream", "run", f"{FASTSTREAM}:app", "--workers", str(PROCESSES))],
        portions=4,
    ),
}


async def measure(bench: Bench) -> Measured:
    """Let everybody drain a queue in turn, several times."""
    windows: dict[str, list[Window]] = defaultdict(list)
    for _ in range(bench.repeats):
        windows["Signalpost"].append(await ours(bench))
        for name, peer in PEERS.items():
            windows[name].append(await drained(bench, peer))
    rates = {name: [window.rate for window in of_it] for name, of_it in windows.items()}
    per_cpu = {name: [window.per_cpu_second("workers") for window in of_it] for name, of_it in windows.items()}
    figures = []
    for values, unit, goals in (
        (rates, "per s", ("ratio >= 3.5", "ratio >= 2")),
        (per_cpu, "per CPU-s", (None, None)),
    ):
        figures += [
            figure(NAME, f"Signalpost beside {name}", values["Signalpost"], unit, references=values[name], goal=goal)
            for name, goal in zip(PEERS, goals, strict=True)
        ]
        figures += [figure(NAME, name, values[name], unit) for name in PEERS]
    for name, of_it in windows.items():
        figures += [
            figure(NAME, f"CPU with {name}: {process}", [w.cpu_micros()[process] for w in of_it], "µs each")
            for process in ("workers", "rabbitmq", "mongodb")
        ]
    bars = [(name, figure(NAME, name, values, "per s").value) for name, values in rates.items()]
    plot = Plot(name="peers", title="Deliveries on the whole machine", kind="bars", y="per s", series={"": bars})
    return Measured(figures, [plot])


async def ours(bench: Bench) -> Window:
    """Drain a queue of deliveries with our own consumers."""
    total = bench.size(full=10_000, quick=2_000)
    async with bench.system() as system:
        await fill(bench, system, total)
        await drain_events(system, total)
        posted = await counter(bench)  # before anybody posts
        return await _window(bench, system, posted, total, await system.start("webhook", count=PROCESSES))


async def drained(bench: Bench, peer: Peer) -> Window:
    """Drain a queue of the same deliveries with a peer's workers."""
    total = peer.portions * bench.size(full=2_500, quick=300)
    async with bench.system() as system:
        environment = {
            "PEER_AMQP_URL": system.environment["AMQP_URL"],
            "PEER_MONGODB_URL": system.environment["MONGODB_URL"],
            "PEER_DATABASE": system.environment["MONGODB_DATABASE"],
        }
        await bench.result("peer-fill", peer.module, bench.nginx.url, str(total), environment=environment)
        return await _work(bench, system, peer, total, environment)


async def _work(bench: Bench, system: System, peer: Peer, total: int, environment: Mapping[str, str]) -> Window:
    posted = await counter(bench)
    async with AsyncExitStack() as workers:
        processes = [
            await workers.enter_async_context(bench.process("peer", [sys.executable, *arguments], environment))
            for arguments in peer.workers
        ]
        try:
            return await _window(bench, system, posted, total, processes)
        except TimeoutError as error:
            raise StackError("\n".join(process.log_tail() for process in processes)) from error


async def _window(
    bench: Bench,
    system: System,
    posted: Callable[[], Awaitable[int]],
    total: int,
    workers: Sequence[Process] | Sequence[Service],
) -> Window:
    """Watch these workers make this many deliveries."""
    meter = system.meter(workers=[worker.pid for worker in workers], receiver=bench.nginx.pid)
    window = await watch(meter, posted, first=int(total * SKIPPED), last=int(total * END), within=120)
    await system.settled(total)
    return window
