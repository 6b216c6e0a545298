"""What the doctor concludes from what it measured, at the edges that a healthy system never shows. No sockets."""

from collections import Counter
from datetime import timedelta
from ipaddress import ip_network

import pytest

from shared.broker.browser import QueueState
from shared.diagnosis.findings import (
    Finding,
    LetterCounts,
    Level,
    on_clock,
    on_database,
    on_dead_letters,
    on_oldest_delivery,
    on_oldest_event,
    on_outbound,
    on_queues,
    on_transport,
)
from shared.diagnosis.remedies import AFTER_DEATH, AFTER_SKIP, WHY_DISABLED, remedy, why_disabled
from shared.model.reasons import DeadReason, DisabledReason, SkipReason
from shared.model.topology import topology
from shared.storage.all_tenants import Server
from tests.support.values import NOON

EMPTY, BUSY = QueueState(messages=0, consumers=1), QueueState(messages=7, consumers=1)
IDLE = QueueState(messages=7, consumers=0)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("offset", "level"), [(0, Level.OK), (1.9, Level.OK), (-2, Level.WARN), (29, Level.WARN), (-30, Level.FAIL)]
)
def test_a_clock_is_judged_by_its_distance_in_either_direction(offset: float, level: Level) -> None:
    assert on_clock(NOON + seconds(offset), NOON).level is level


@pytest.mark.parametrize(
    ("server", "level"),
    [
        (Server(time=NOON, replica_set="rs0", takes_writes=True), Level.OK),
        (Server(time=NOON, replica_set="rs0", takes_writes=False), Level.FAIL),
        (Server(time=NOON, replica_set="", takes_writes=True), Level.FAIL),
    ],
)
def test_only_a_replica_sets_primary_will_do(server: Server, level: Level) -> None:
    assert on_database(server).level is level


@pytest.mark.parametrize(
    ("late", "queue", "level"),
    [
        (-10, EMPTY, Level.OK),  # waits for its next attempt
        (59, EMPTY, Level.OK),
        (61, BUSY, Level.WARN),
        (179, EMPTY, Level.WARN),  # the reconciler may still be on its way
        (181, EMPTY, Level.FAIL),
        (3600, BUSY, Level.WARN),
        (3600, None, Level.WARN),
    ],
)
def test_a_late_delivery_stands_still_only_if_its_queue_is_empty(
    late: float, queue: QueueState | None, level: Level
) -> None:
    finding = on_oldest_delivery("webhook", NOON - seconds(late), now=NOON, queue=queue, reconcile_after=60)
    assert finding.level is level


@pytest.mark.parametrize(
    ("age", "handed_out", "level"), [(59, 0, Level.OK), (61, 0, Level.WARN), (1, 10, Level.WARN), (-5, 0, Level.OK)]
)
def test_an_event_is_late_or_suspicious(age: float, handed_out: int, level: Level) -> None:
    assert on_oldest_event(NOON - seconds(age), handed_out, now=NOON).level is level
    assert on_oldest_event(None, 0, now=NOON).level is Level.OK


def test_a_queue_without_consumers_fails_where_something_has_to_leave() -> None:
    states: dict[str, QueueState | None] = {queue.name: EMPTY for queue in topology().queues}
    assert worst(on_queues(states, "smtp")) == []
    states["notifications.to_send.email"] = IDLE
    assert worst(on_queues(states, "smtp")) == ["consumers"]
    assert worst(on_queues(states, "webhook")) == ["consumers"], "what lies there has to be recorded as skipped"
    states["notifications.to_send.email"] = QueueState(messages=0, consumers=0)
    assert worst(on_queues(states, "webhook")) == []
    states["events.to_dispatch"] = QueueState(messages=0, consumers=0)
    assert worst(on_queues(states, "disabled")) == ["consumers"]
    states["notifications.dlq.event"] = None
    assert worst(on_queues(states, "disabled")) == ["queues", "consumers"]


def worst(findings: object) -> list[str]:
    assert hasattr(findings, "__iter__")
    return [finding.name for finding in findings if isinstance(finding, Finding) and finding.level is Level.FAIL]


def test_dead_letters_are_counted_by_reason_and_an_estimate_is_called_one() -> None:
    reasons = Counter({"http_4xx": 2, "gone": 1})
    finding = on_dead_letters(
        LetterCounts(key="webhook", reasons=reasons, oldest_at=NOON - seconds(7200), is_complete=False), now=NOON
    )
    assert finding.level is Level.WARN
    assert finding.sentence == "more than 3: http_4xx 2, gone 1, the oldest 2 h old"
    assert "--queue webhook" in finding.remedy


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "127.0.0.0/8", "169.254.169.254/32", "::1/128"])
def test_a_network_that_opens_too_much_is_warned_of_in_production_only(network: str) -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network(network))
    assert on_outbound(["a.internal"], networks, is_production=True).level is Level.WARN
    assert on_outbound(["a.internal"], networks, is_production=False).level is Level.OK
    assert on_outbound(["a.internal"], networks[:1], is_production=True).level is Level.OK


def test_a_disabled_transport_is_worth_a_word_in_production() -> None:
    assert on_transport("disabled", is_production=True).level is Level.WARN
    assert on_transport("disabled", is_production=False).level is Level.OK
    assert on_transport("webhook", is_production=True).level is Level.OK


def test_every_reason_has_a_remedy_and_an_unknown_one_none() -> None:
    assert AFTER_DEATH.keys() == set(DeadReason)
    assert AFTER_SKIP.keys() == set(SkipReason)
    assert WHY_DISABLED.keys() == set(DisabledReason)
    assert remedy("from a newer version", is_dead=True) == remedy(None, is_dead=False) == ""
    assert why_disabled("from a newer version") == "from a newer version"
