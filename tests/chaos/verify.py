"""Holds the ledger against the database and the broker, when all is quiet again."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.chaos.behaviours import BY_NAME
from tests.chaos.ledger import Request
from tests.chaos.world import World

GRACE = 60.0
"""Seconds after a fault in which a repeated request is still its consequence (redelivery, reconciler, retry)."""


@dataclass
class Report:
    """What a run showed; every list and every count but the first five must be empty or 0."""

    seed: int
    events: int
    deliveries: int
    faults: dict[str, int]
    duplicates: int
    longest_stall_s: float
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    wrongly_dead: list[str] = field(default_factory=list)
    misnumbered: list[str] = field(default_factory=list)
    unexplained_duplicates: list[str] = field(default_factory=list)
    queues_not_empty: dict[str, int] = field(default_factory=dict)
    dead_letters_missing: list[str] = field(default_factory=list)
    not_ready: list[str] = field(default_factory=list)

    @property
    def faultless(self) -> bool:
        """Whether every promise was kept."""
        broken = (
            self.lost, self.stuck, self.wrongly_dead, self.misnumbered, self.unexplained_duplicates,
            self.queues_not_empty, self.dead_letters_missing, self.not_ready,
        )  # fmt: skip
        return not any(broken)

    def as_json(self) -> dict[str, Any]:
        """Return the report as `chaos-report.json` holds it."""
        return asdict(self) | {"faultless": self.faultless}


async def unsettled(world: World) -> int:
    """Return how many deliveries have not come to an end, undispatched events included."""
    expected = len(world.ledger.expected())
    deliveries = world.system.database.deliveries
    ended = await deliveries.count_documents(
        {"event_type": "certificate.issued", "state": {"$in": ["delivered", "dead", "skipped"]}}
    )
    return expected - ended + await deliveries.count_documents({"due_at": {"$exists": True}})


async def verify(world: World, fault_times: list[tuple[str, float, float]]) -> Report:
    """Compare what had to happen with what did."""
    ledger = world.ledger
    report = Report(
        seed=0,
        events=len(ledger.events),
        deliveries=len(ledger.expected()),
        faults=dict(Counter(name for name, _, _ in fault_times)),
        duplicates=0,
        longest_stall_s=round(ledger.longest_gap(), 1),
    )
    found: set[tuple[str, str]] = set()
    query = {"event_type": "certificate.issued"}
    async for delivery in world.system.database.deliveries.find(query):
        found.add((delivery["subscription_id"], delivery["event_id"]))
        _check_delivery(world, delivery, report)
    report.lost += [f"{hook}/{event}: no delivery" for hook, event in sorted(ledger.expected() - found)]
    _check_duplicates(world, fault_times, report)
    await _check_broker(world, report)
    for name in world.service_names:
        if not await world.system.services[name].ready():
            report.not_ready.append(name)
    return report


def _check_delivery(world: World, delivery: dict[str, Any], report: Report) -> None:
    hook = world.ledger.hooks[delivery["subscription_id"]]
    key = (delivery["subscription_id"], delivery["event_id"])
    name = f"{hook.behaviour} {delivery['_id']}"
    numbers = [attempt["number"] for attempt in delivery["attempts"]]
    if numbers != list(range(1, len(numbers) + 1)) or delivery["attempts_made"] != len(numbers):
        report.misnumbered.append(f"{name}: attempts {numbers}, attempts_made {delivery['attempts_made']}")
    match delivery["state"]:
        case "delivered":
            if hook.behaviour != "mail" and not any(not request.failing for request in world.ledger.requests[key]):
                report.lost.append(f"{name}: recorded as delivered, but the receiver never took it")
        case "dead":
            expected = BY_NAME[hook.behaviour].dead_reason if hook.behaviour in BY_NAME else None
            if delivery["reason"] != expected:
                errors = [attempt["error"] for attempt in delivery["attempts"]]
                report.wrongly_dead.append(f"{name}: {delivery['reason']} after {errors}")
        case state:
            report.stuck.append(f"{name}: {state}")
    if "due_at" in delivery:
        report.stuck.append(f"{name}: {delivery['state']}, and still owes something")


def _check_duplicates(world: World, fault_times: list[tuple[str, float, float]], report: Report) -> None:
    for (hook, webhook_id), requests in world.ledger.requests.items():
        by_attempt: dict[int, list[Request]] = {}
        for request in requests:
            by_attempt.setdefault(request.attempt, []).append(request)
        for attempt, same in by_attempt.items():
            for repeated in same[1:]:
                report.duplicates += 1
                if not any(began - 1 <= repeated.at <= ended + GRACE for _, began, ended in fault_times):
                    report.unexplained_duplicates.append(f"{hook}/{webhook_id} attempt {attempt}")


async def waiting(world: World) -> dict[str, int]:
    """Return the queues (but for the dead letters) that hold messages, and how many."""
    broker = world.system.stack.rabbitmq
    assert broker is not None
    return {
        queue["name"]: queue["messages"]
        for queue in await broker.management("GET", f"/api/queues/{world.system.vhost}")
        if not queue["name"].startswith("notifications.dlq.") and queue.get("messages")
    }


async def _check_broker(world: World, report: Report) -> None:
    report.queues_not_empty = await waiting(world)
    if "lose_broker_data" in report.faults:
        return  # the dead letters went with it; MongoDB still has them all
    letters = {
        letter["properties"]["headers"]["delivery-id"]
        for letter in await world.system.dead_letters("webhook", count=200_000)
    }
    query = {"state": "dead", "channel": "webhook"}
    async for dead in world.system.database.deliveries.find(query, {"_id": 1}):
        if dead["_id"] not in letters:
            report.dead_letters_missing.append(dead["_id"])
