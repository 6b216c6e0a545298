"""The whole way under load: events are published, dispatched, delivered to nginx and recorded; all on this machine.

Two kinds of load, for different questions. *Preloaded*: all events lie in the queue before the services start, so
that no publisher takes part; the window holds all that dispatchers and consumers do for them. *Live*: a publisher of
its own process keeps a bounded backlog in the queues, and the window is cut from the middle.
"""

import asyncio
from collections.abc import Awaitable, Callable

from benchmarks.bench import Bench
from benchmarks.meter import Window, watch
from benchmarks.system import certificate_event

ENDPOINTS = 40
BACKLOG = 4_000
"""Messages waiting while events are published live: far more than all processes hold together (900)."""
END = 0.98
"""The window ends with this share delivered: what is postponed for a second at the end is waiting, not work."""


def tenants(fan_out: int) -> tuple[str, ...]:
    """Return tenants with about `ENDPOINTS` endpoints altogether, if each has `fan_out`."""
    return tuple(f"org_{number}" for number in range(max(ENDPOINTS // fan_out, 1)))


async def preloaded(
    bench: Bench, *, deliveries: int, fan_out: int = 1, processes: int = 1, **settings: str
) -> Window:
    """Deliver this many from a full queue, with this many dispatchers and as many consumers."""
    names, events = tenants(fan_out), deliveries // fan_out
    total = events * fan_out
    async with bench.system(**settings) as system:
        await system.subscribe(bench.nginx.url, tenants=names, each=fan_out)
        await system.start("webhook", count=processes)
        dispatchers = await system.start("dispatcher", count=processes)
        # Held while the queue is filled: the window then begins with the first event, and no start-up is in it.
        for dispatcher in dispatchers:
            await dispatcher.pause()
        await system.publish([certificate_event(n, tenant=names[n % len(names)]) for n in range(events)])
        delivered = await counter(bench)
        async with asyncio.TaskGroup() as group:
            window = group.create_task(
                watch(system.meter(receiver=bench.nginx.pid), delivered, first=0, last=int(total * END))
            )
            for dispatcher in dispatchers:
                group.create_task(dispatcher.resume())
        await system.settled(total)
        return window.result()


async def live(bench: Bench, *, deliveries: int) -> Window:
    """Deliver what is published meanwhile, by one dispatcher and one consumer."""
    names = tenants(1)
    async with bench.system() as system:
        await system.subscribe(bench.nginx.url, tenants=names)
        await system.start("webhook")
        await system.start("dispatcher")
        delivered = await counter(bench)
        backlog = str(min(BACKLOG, deliveries // 10))
        arguments = [system.environment["AMQP_URL"], str(deliveries), "--backlog", backlog, "--tenants", *names]
        async with bench.python("load", "benchmarks.load", *arguments) as publisher:
            meter = system.meter(receiver=bench.nginx.pid, publisher=publisher.pid)
            window = await watch(meter, delivered, first=deliveries // 5, last=deliveries * 7 // 10)
            await system.settled(deliveries)
        return window


async def counter(bench: Bench) -> Callable[[], Awaitable[int]]:
    """Return what counts the requests that the receiver answers from now on."""
    before = await bench.nginx.requests()

    async def answered() -> int:
        return await bench.nginx.requests() - before

    return answered
