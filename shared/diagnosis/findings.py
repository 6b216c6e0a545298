"""What `worker doctor` concludes from what it measured: a level, a sentence and a remedy for each check."""

import ipaddress
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.broker.browser import QueueState
from shared.model.delivery import Transport
from shared.model.topology import (
    CHANNELS,
    DEFERRED_EVENTS,
    DELAY_STEPS,
    EMAIL,
    EVENTS_TO_DISPATCH,
    WEBHOOK,
    retry_queue,
    to_send_queue,
)
from shared.process.settings import Network
from shared.storage.all_tenants import Server

LATE: Final = timedelta(minutes=1)
"""What has waited this long for its turn is worth a word."""
SUSPICIOUS_DELIVERIES: Final = 10
"""So often an event is handed out only if processes die over it."""
CLOCK_WARNING: Final = timedelta(seconds=2)
CLOCK_FAILURE: Final = timedelta(seconds=30)
"""Receivers refuse signatures that are more than 5 minutes off, and schedules go wrong long before."""
_SENSITIVE: Final = tuple(
    ipaddress.ip_network(block) for block in ("127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10")
)
_CONSUMERS: Final = {
    EVENTS_TO_DISPATCH: "dispatcher",
    DEFERRED_EVENTS: "dispatcher",
    to_send_queue(WEBHOOK): "webhook",
    to_send_queue(EMAIL): "mailer",
}
_COVERED: Final[Mapping[str, tuple[str, ...]]] = {"disabled": (), "webhook": (WEBHOOK,), "smtp": CHANNELS}


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check found."""

    level: Level
    name: str
    sentence: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f" — {self.remedy}" if self.remedy else ""
        return f"{self.level.value:<4}  {self.name}: {self.sentence}{remedy}"


@dataclass(frozen=True, kw_only=True)
class LetterCounts:
    """What lies in a dead-letter queue."""

    key: str
    reasons: Counter[str]
    oldest_at: datetime | None
    is_complete: bool
    """False: there are more letters than were counted."""


def ok(name: str, sentence: str) -> Finding:
    """Return that a check found nothing wrong."""
    return Finding(level=Level.OK, name=name, sentence=sentence)


def warn(name: str, sentence: str, remedy: str) -> Finding:
    """Return that somebody should look at something."""
    return Finding(level=Level.WARN, name=name, sentence=sentence, remedy=remedy)


def fail(name: str, sentence: str, remedy: str) -> Finding:
    """Return that something does not work."""
    return Finding(level=Level.FAIL, name=name, sentence=sentence, remedy=remedy)


def on_queues(states: Mapping[str, QueueState | None], transport: Transport) -> Iterator[Finding]:
    """Judge whether all queues exist, and whether the work queues are being worked on."""
    missing = [name for name, state in states.items() if state is None]
    if missing:
        yield fail("queues", f"missing: {', '.join(missing)}", "run `worker topology` as a user that may configure")
    else:
        yield ok("queues", f"all {len(states)} exist")
    for name, service in _CONSUMERS.items():
        state = states.get(name)
        if state is not None:
            yield _on_consumers(name, service, state, transport)
    delayed = {step: state.messages for step in DELAY_STEPS if (state := states.get(retry_queue(step))) is not None}
    waits = ", ".join(f"{count} in {step}" for step, count in delayed.items() if count)
    yield ok("retries", f"waiting for their time: {waits or 'none'}")


def _on_consumers(queue: str, service: str, state: QueueState, transport: Transport) -> Finding:
    waiting = f"{state.messages} waiting"
    if state.consumers:
        return ok("consumers", f"{queue} has {state.consumers}, {waiting}")
    channel = queue.rpartition(".")[2]
    if channel in CHANNELS and channel not in _COVERED[transport] and not state.messages:
        return ok("consumers", f"{queue} has none and needs none: NOTIFICATION_TRANSPORT is {transport}")
    return fail("consumers", f"{queue} has none, {waiting}", f"start `worker {service}`; if it runs, read its log")


def on_oldest_delivery(
    channel: str, due_at: datetime | None, *, now: datetime, queue: QueueState | None, reconcile_after: float
) -> Finding:
    """Judge how long the oldest delivery of a channel has been due."""
    name = f"oldest {channel}"
    late = timedelta() if due_at is None else now - due_at
    if late < LATE:
        return ok(name, "nothing is late" if due_at is None or late < timedelta() else f"due for {_seconds(late)}")
    sentence = f"a delivery has been due for {_seconds(late)}"
    if queue is not None and queue.messages == 0 and late > 3 * timedelta(seconds=reconcile_after):
        remedy = "its queue is empty, so the reconciler should have sent it: see that a dispatcher runs and is ready"
        return fail(name, f"{sentence} and stands still", remedy)
    return warn(name, sentence, "the queue is longer than its consumers can shorten: start more of them")


def on_oldest_event(published_at: datetime | None, deliveries: int, *, now: datetime) -> Finding:
    """Judge the event at the head of `events.to_dispatch`.

    Args:
        published_at: None if it bears no time.
        deliveries: how often the broker had handed it out before.
        now: the time.
    """
    name = "oldest event"
    if deliveries >= SUSPICIOUS_DELIVERIES:
        remedy = "processes die over it, or are killed: read the dispatchers' logs; at 50 the broker parks it"
        return warn(name, f"it was handed out {deliveries} times", remedy)
    if published_at is None:
        return ok(name, "it bears no time")
    if now - published_at >= LATE:
        sentence = f"waits since {_seconds(now - published_at)}"
        return warn(name, sentence, "events come faster than they are dispatched: start more dispatchers")
    return ok(name, f"waits since {_seconds(max(now - published_at, timedelta()))}")


def on_dead_letters(parked: LetterCounts, *, now: datetime) -> Finding:
    """Judge what lies in a dead-letter queue."""
    name, count = f"dead letters {parked.key}", parked.reasons.total()
    if not count:
        return ok(name, "none")
    reasons = ", ".join(f"{reason} {number}" for reason, number in parked.reasons.most_common())
    oldest = "" if parked.oldest_at is None else f", the oldest {_seconds(now - parked.oldest_at)} old"
    more = "" if parked.is_complete else "more than "
    return warn(name, f"{more}{count}: {reasons}{oldest}", f"`worker dlq list --queue {parked.key}`, docs/runbook.md")


def on_database(server: Server) -> Finding:
    """Judge what the database is."""
    if not server.replica_set:
        remedy = "run it as a replica set, of one member if need be: only a majority's write outlives a crash"
        return fail("database", "it is in no replica set", remedy)
    if not server.takes_writes:
        remedy = f"let MONGODB_URL name several members, or add ?replicaSet={server.replica_set}"
        return fail("database", f"the member of {server.replica_set} that answers takes no writes", remedy)
    return ok("database", f"replica set {server.replica_set} takes writes")


def on_clock(ours: datetime, theirs: datetime) -> Finding:
    """Judge the difference between this host's clock and the database's."""
    difference = abs(ours - theirs)
    sentence = f"{difference.total_seconds():.1f} s off the database's"
    if difference < CLOCK_WARNING:
        return ok("clock", sentence)
    judge = fail if difference >= CLOCK_FAILURE else warn
    return judge("clock", sentence, "let NTP set the clocks of all hosts: signatures and schedules depend on them")


def on_transport(transport: Transport, *, is_production: bool) -> Finding:
    """Judge what may leave the house."""
    covered = " and ".join(_COVERED[transport]) or "nothing"
    sentence = f"NOTIFICATION_TRANSPORT is {transport}: {covered} may leave"
    if transport == "disabled" and is_production:
        return warn("transport", sentence, "set it to webhook or smtp; what was skipped until then can be recovered")
    return ok("transport", sentence)


def on_outbound(hosts: Sequence[str], networks: Sequence[Network], *, is_production: bool) -> Finding:
    """Judge what the outbound policy permits beyond public addresses."""
    permitted = ", ".join([*sorted(hosts), *(str(network) for network in networks)])
    sentence = f"besides public addresses: {permitted or 'none'}"
    wide = [str(network) for network in networks if network.prefixlen == 0 or _is_sensitive(network)]
    if wide and is_production:
        remedy = "customers could reach this host's own services or the cloud's metadata: name single hosts instead"
        return warn("outbound policy", f"{sentence}; {', '.join(wide)} is too much", remedy)
    return ok("outbound policy", sentence)


def _is_sensitive(network: Network) -> bool:
    return any(network.version == block.version and network.overlaps(block) for block in _SENSITIVE)


def _seconds(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
