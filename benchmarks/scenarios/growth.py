"""What it costs to find an event's subscriptions among few and among very many, with one match for each event.

All sizes lie in the same MongoDB, each in a database of its own, and take turns. Events go round all tenants, so that
each batch asks for as many of them whatever the size. Compared is CPU, of the dispatcher and of MongoDB.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import islice

from pymongo import WriteConcern

from benchmarks.bench import Bench
from benchmarks.figures import Measured, Plot, figure
from benchmarks.meter import Window, watch
from benchmarks.pipeline import END
from benchmarks.scenarios.stages import SKIPPED
from benchmarks.system import MASTER_KEYS, System, certificate_event
from shared.model.event import Event
from shared.model.patterns import patterns_matching
from shared.model.subscription import Subscription
from shared.model.topology import WEBHOOK, to_send_queue
from shared.process.clock import utc_now
from shared.secrets.keyring import Keyring
from shared.storage import Subscriptions
from shared.storage.database import Document
from shared.storage.subscriptions import subscription_document

NAME = "growth"
EACH = 4
"""Subscriptions of a tenant where there are many tenants; one of them matches."""
STRIDE = 7919
"""A prime, so that events come by all tenants in a scattered order, none twice within a batch of 200."""
OTHERS = ("signer.created", "signing.completed", "policy.violated")
INSERTED_AT_ONCE = 10_000
CACHE = "3G"
PROCESSES = ("dispatcher", "mongodb")
ALONE, PART = "matching alone", "matching alone, MongoDB's part"


@dataclass(frozen=True, kw_only=True)
class Population:
    """Subscriptions of which one for each tenant matches."""

    tenants: int
    each: int

    @property
    def size(self) -> int:
        """How many there are."""
        return self.tenants * self.each

    def event(self, number: int) -> Event:
        """The event of this number."""
        return certificate_event(number, tenant=f"org_{number * STRIDE % self.tenants}")


async def measure(bench: Bench) -> Measured:
    """Let the sizes take turns, and the crowd of one tenant beside a small tenant."""
    sizes = (1_000, 20_000) if bench.quick else (1_000, 100_000, 1_000_000)
    spread = [Population(tenants=size // EACH, each=EACH) for size in sizes]
    alone = [Population(tenants=1, each=size) for size in (10, bench.size(full=10_000, quick=2_000))]
    costs: dict[Population, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    async with AsyncExitStack() as systems:
        populated = [
            (population, await systems.enter_async_context(bench.system())) for population in (*spread, *alone)
        ]
        await enlarge_cache(populated[0][1])  # all of them lie in the same server
        for population, system in populated:
            await populate(system, population)
        for _ in range(bench.size(full=3, quick=1)):
            for population, system in populated:
                micros = (await dispatch(bench, system, population)).cpu_micros()
                for process in PROCESSES:
                    costs[population][process].append(micros[process])
                for what, cost in (await match(bench, system, population)).items():
                    costs[population][what].append(cost)
    figures = [
        figure(
            NAME,
            f"{what}, {larger.size} {'of one tenant' if larger.tenants == 1 else 'over many tenants'}",
            costs[larger][what],
            "µs each",
            references=costs[smaller][what],
            goal=None if what == PART else "ratio <= 1.3",
        )
        for smaller, *others in (spread, alone)
        for larger in others
        for what in (*PROCESSES, ALONE, PART)
    ]
    series: dict[str, Sequence[tuple[str | float, float]]] = {
        what: [(f"{population.size:,}", figure(NAME, "", costs[population][what], "").value) for population in spread]
        for what in (*PROCESSES, ALONE)
    }
    plot = Plot(name="growth", title="CPU for each event, by subscriptions", kind="bars", y="µs each", series=series)
    return Measured(figures, [plot])


async def enlarge_cache(system: System) -> None:
    """Let MongoDB keep a million subscriptions in memory, which on a server of its own it does.

    The local stack gives it half a gigabyte. A third of a lookup among a million was reading them in again.
    """
    admin = system.database.subscriptions.database.client.admin
    await admin.command({"setParameter": 1, "wiredTigerEngineRuntimeConfig": f"cache_size={CACHE}"})


async def populate(system: System, population: Population) -> None:
    """Store the subscriptions, a bulk at a time."""
    collection = system.database.subscriptions.with_options(write_concern=WriteConcern(w=1))
    documents = _documents(population)
    while bulk := list(islice(documents, INSERTED_AT_ONCE)):
        await collection.insert_many(bulk, ordered=False)


def _documents(population: Population) -> Iterator[Document]:
    now = utc_now()
    secret, _ = Keyring.parse(MASTER_KEYS).create("wh_template")  # nothing is sent here, so one will do for all
    template = Subscription(
        id="",
        tenant_id="",
        channel=WEBHOOK,
        events=(),
        subject=None,
        enabled=True,
        created_at=now,
        updated_at=now,
        secret=secret,
    )
    for tenant in range(population.tenants):
        for number in range(population.each):
            webhook = replace(
                template,
                id=f"wh_{tenant}_{number}",
                tenant_id=f"org_{tenant}",
                events=("certificate.issued",) if number == 0 else (OTHERS[number % len(OTHERS)],),
                url=f"https://hooks.example.com/{tenant}/{number}",
            )
            yield subscription_document(webhook)


async def dispatch(bench: Bench, system: System, population: Population) -> Window:
    """Have a full queue of events dispatched by one dispatcher."""
    total = bench.size(full=10_000, quick=2_000)
    before = await system.waiting(to_send_queue(WEBHOOK))

    async def dispatched() -> int:
        return await system.waiting(to_send_queue(WEBHOOK)) - before

    await system.publish([population.event(number) for number in range(total)])
    [dispatcher] = await system.start("dispatcher")
    window = await watch(system.meter(), dispatched, first=int(total * SKIPPED), last=int(total * END))
    await watch(system.meter(), dispatched, first=total, last=total, within=60)
    await dispatcher.stop()
    return window


async def match(bench: Bench, system: System, population: Population) -> dict[str, float]:
    """Ask for the subscriptions of a batch's events, again and again; returns the µs for each event.

    They are those of MongoDB and of this process, which writes the question and reads the answer.
    """
    batch, batches = 200, bench.size(full=300, quick=40)
    subscriptions = Subscriptions(system.database)
    patterns = patterns_matching("certificate.issued")
    meter = system.meter()
    first, used = meter.sample(), time.process_time()
    for start in range(0, batch * batches, batch):
        wanted = {population.event(number).tenant_id for number in range(start, start + batch)}
        found = await subscriptions.matching([(tenant, patterns) for tenant in sorted(wanted)])
        assert len(found) == len(wanted)
    asked = batch * batches
    asking = 1e6 * (time.process_time() - used) / asked
    answering = Window(operations=asked, first=first, last=meter.sample()).cpu_micros()["mongodb"]
    return {ALONE: asking + answering, PART: answering}
