"""Judges the measurements of `worker doctor`: a level, a sentence and a remedy for each check."""

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
"""A wait of this length is worth a warning."""
SUSPICIOUS_DELIVERIES: Final = 10
"""The broker delivers an event this often only if processes die while they handle it."""
CLOCK_WARNING: Final = timedelta(seconds=2)
CLOCK_FAILURE: Final = timedelta(seconds=30)
"""Receivers refuse signatures that are more than 5 minutes off, and schedules fail long before that."""
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
    """The severity of a finding."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check."""

    level: Level
    name: str
    sentence: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f" — {self.remedy}" if self.remedy else ""
        return f"{self.level.value:<4}  {self.name}: {self.sentence}{remedy}"


@dataclass(frozen=True, kw_only=True)
class LetterCounts:
    """The contents of a dead-letter queue."""

    key: str
    reasons: Counter[str]
    oldest_at: datetime | None
    is_complete: bool
    """False if there are more letters than were counted."""


def ok(name: str, sentence: str) -> Finding:
    """Return a finding without a fault."""
    return Finding(level=Level.OK, name=name, sentence=sentence)


def warn(name: str, sentence: str, remedy: str) -> Finding:
    """Return a finding that somebody should look at."""
    return Finding(level=Level.WARN, name=name, sentence=sentence, remedy=remedy)


def fail(name: str, sentence: str, remedy: str) -> Finding:
    """Return a finding that something does not work."""
    return Finding(level=Level.FAIL, name=name, sentence=sentence, remedy=remedy)


def on_queues(states: Mapping[str, QueueState | None], transport: Transport) -> Iterator[Finding]:
    """Judge whether all queues exist, and whether the work queues have consumers."""
    missing = [name for name, state in states.items() if state is None]
    if missing:
        yield fail(
            "queues", f"missing: {', '.join(missing)}", "run `worker topology` as a user with configure permission"
        )
    else:
        yield ok("queues", f"all {len(states)} exist")
    for name, service in _CONSUMERS.items():
        state = states.get(name)
        if state is not None:
            yield _on_consumers(name, service, state, transport)
    delayed = {step: state.messages for step in DELAY_STEPS if (state := states.get(retry_queue(step))) is not None}
    waits = ", ".join(f"{count} in {step}" for step, count in delayed.items() if count)
    yield ok("retries", f"tasks in the delay queues: {waits or 'none'}")


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
        remedy = (
            "its queue is empty, so the reconciler should have sent it: check that a dispatcher runs and is ready"
        )
        return fail(name, f"{sentence} and is stuck", remedy)
    return warn(name, sentence, "its consumers can't keep up with the queue: start more of them")


def on_oldest_event(published_at: datetime | None, deliveries: int, *, now: datetime) -> Finding:
    """Judge the event at the head of `events.to_dispatch`.

    Args:
        published_at: None if it has no timestamp.
        deliveries: how often the broker had delivered it before.
        now: the time.
    """
    name = "oldest event"
    if deliveries >= SUSPICIOUS_DELIVERIES:
        remedy = (
            "dispatchers die or are killed while they handle it: read their logs; at 50 the broker dead-letters it"
        )
        return warn(name, f"it was delivered {deliveries} times", remedy)
    if published_at is None:
        return ok(name, "it has no timestamp")
    if now - published_at >= LATE:
        sentence = f"has waited for {_seconds(now - published_at)}"
        return warn(name, sentence, "events arrive faster than they are dispatched: start more dispatchers")
    return ok(name, f"has waited for {_seconds(max(now - published_at, timedelta()))}")


def on_dead_letters(letters: LetterCounts, *, now: datetime) -> Finding:
    """Judge the contents of a dead-letter queue."""
    name, count = f"dead letters {letters.key}", letters.reasons.total()
    if not count:
        return ok(name, "none")
    reasons = ", ".join(f"{reason} {number}" for reason, number in letters.reasons.most_common())
    oldest = "" if letters.oldest_at is None else f", the oldest {_seconds(now - letters.oldest_at)} old"
    more = "" if letters.is_complete else "more than "
    return warn(
        name, f"{more}{count}: {reasons}{oldest}", f"`worker dlq list --queue {letters.key}`, docs/runbook.md"
    )


def on_database(server: Server) -> Finding:
    """Judge the database server."""
    if not server.replica_set:
        remedy = "run it as a replica set, if need be of one member: only a majority write survives a crash"
        return fail("database", "it is not in a replica set", remedy)
    if not server.takes_writes:
        remedy = f"let MONGODB_URL name several members, or add ?replicaSet={server.replica_set}"
        return fail("database", f"the member of {server.replica_set} that answers accepts no writes", remedy)
    return ok("database", f"replica set {server.replica_set} accepts writes")


def on_clock(ours: datetime, theirs: datetime) -> Finding:
    """Judge the difference between this host's clock and the database's."""
    difference = abs(ours - theirs)
    sentence = f"{difference.total_seconds():.1f} s off the database's clock"
    if difference < CLOCK_WARNING:
        return ok("clock", sentence)
    finding = fail if difference >= CLOCK_FAILURE else warn
    return finding("clock", sentence, "use NTP on all hosts: signatures and schedules depend on the clocks")


def on_transport(transport: Transport, *, is_production: bool) -> Finding:
    """Judge which channels send."""
    covered = " and ".join(_COVERED[transport]) or "nothing"
    sentence = f"NOTIFICATION_TRANSPORT is {transport}: it sends {covered}"
    if transport == "disabled" and is_production:
        return warn(
            "transport", sentence, "set it to webhook or smtp; deliveries skipped until then can be recovered"
        )
    return ok("transport", sentence)


def on_outbound(hosts: Sequence[str], networks: Sequence[Network], *, is_production: bool) -> Finding:
    """Judge what the outbound policy allows besides public addresses."""
    permitted = ", ".join([*sorted(hosts), *(str(network) for network in networks)])
    sentence = f"besides public addresses: {permitted or 'none'}"
    wide = [str(network) for network in networks if network.prefixlen == 0 or _is_sensitive(network)]
    if wide and is_production:
        remedy = "customers could reach this host's own services or the cloud's metadata: allow single hosts instead"
        return warn("outbound policy", f"{sentence}; {', '.join(wide)} is too broad", remedy)
    return ok("outbound policy", sentence)


def _is_sensitive(network: Network) -> bool:
    return any(network.version == block.version and network.overlaps(block) for block in _SENSITIVE)


def _seconds(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
