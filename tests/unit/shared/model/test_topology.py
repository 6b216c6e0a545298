"""The topology is what DESIGN.md names, on any RabbitMQ from 3.10 on, and no message in it can get stuck or lost."""

import pytest

from shared.model.topology import (
    DELAY_HEADER,
    DELAY_STEPS,
    Queue,
    dead_letter_queue,
    delay_step,
    retry_queue,
    to_send_queue,
    topology,
)

TOPOLOGY = topology()
QUEUES = {queue.name: queue for queue in TOPOLOGY.queues}
EXCHANGES = {exchange.name: exchange.type for exchange in TOPOLOGY.exchanges}
WORK_QUEUES = (
    "events.to_dispatch",
    "events.set_aside",
    "notifications.to_send.webhook",
    "notifications.to_send.email",
)
DELAY_QUEUES = {f"notifications.retry.{step}": step for step in ("1s", "5s", "25s", "2m", "10m", "1h")}
DEAD_LETTER_QUEUES = tuple(f"notifications.dlq.{key}" for key in ("webhook", "email", "event"))


def test_the_exchanges_are_those_of_the_design_and_one_for_floods() -> None:
    assert EXCHANGES == {
        "events": "topic",
        "events.aside": "fanout",
        "notifications.to_send": "direct",
        "notifications.retry": "headers",
        "notifications.dead": "direct",
    }


def test_the_queues_are_those_of_the_design_and_one_for_floods() -> None:
    assert set(QUEUES) == {*WORK_QUEUES, *DELAY_QUEUES, *DEAD_LETTER_QUEUES}


def test_names_are_derived_as_the_design_writes_them() -> None:
    assert to_send_queue("webhook") == "notifications.to_send.webhook"
    assert retry_queue("25s") == "notifications.retry.25s"
    assert dead_letter_queue("event") == "notifications.dlq.event"


@pytest.mark.parametrize("queue", TOPOLOGY.queues, ids=lambda queue: queue.name)
def test_every_queue_is_a_quorum_queue_that_both_old_and_new_brokers_understand(queue: Queue) -> None:
    assert queue.arguments["x-queue-type"] == "quorum"
    limit = queue.arguments["x-delivery-limit"]
    assert isinstance(limit, int)
    assert limit > 0, "RabbitMQ 3.10 loses the message on -1"
    assert not {"x-queue-mode", "x-expires", "x-max-priority", "x-max-length", "x-max-length-bytes"} & set(
        queue.arguments
    )


@pytest.mark.parametrize("queue", TOPOLOGY.queues, ids=lambda queue: queue.name)
def test_what_the_broker_dead_letters_is_dead_lettered_at_least_once(queue: Queue) -> None:
    if "x-dead-letter-exchange" in queue.arguments:
        assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
        assert queue.arguments["x-overflow"] == "reject-publish", "else it silently falls back to at-most-once"


@pytest.mark.parametrize("name", WORK_QUEUES)
def test_a_work_message_that_kills_its_consumer_ends_in_the_queue_for_its_kind(name: str) -> None:
    kind = "event" if name.startswith("events.") else name.rpartition(".")[2]
    assert QUEUES[name].arguments["x-dead-letter-exchange"] == "notifications.dead"
    assert QUEUES[name].arguments["x-dead-letter-routing-key"] == kind


@pytest.mark.parametrize(
    ("step", "milliseconds"),
    [("1s", 1000), ("5s", 5000), ("25s", 25_000), ("2m", 120_000), ("10m", 600_000), ("1h", 3_600_000)],
)
def test_a_delay_queue_holds_for_its_step_and_sends_back_with_the_routing_key_kept(
    step: str, milliseconds: int
) -> None:
    arguments = QUEUES[f"notifications.retry.{step}"].arguments
    assert arguments["x-message-ttl"] == milliseconds
    assert arguments["x-dead-letter-exchange"] == "notifications.to_send"
    assert "x-dead-letter-routing-key" not in arguments
    assert DELAY_STEPS[step] * 1000 == milliseconds


def test_dead_letters_stay_where_they_are() -> None:
    for name in DEAD_LETTER_QUEUES:
        assert not {"x-message-ttl", "x-dead-letter-exchange"} & set(QUEUES[name].arguments)


def test_every_binding_joins_what_is_declared() -> None:
    for binding in TOPOLOGY.bindings:
        assert binding.exchange in EXCHANGES
        assert binding.queue in QUEUES


def test_every_message_finds_a_queue() -> None:
    routes = {(b.exchange, b.routing_key or b.arguments.get(DELAY_HEADER)): b.queue for b in TOPOLOGY.bindings}
    expected: dict[tuple[str, object], str] = {
        ("events", "#"): "events.to_dispatch",
        ("events.aside", None): "events.set_aside",
        ("notifications.to_send", "webhook"): "notifications.to_send.webhook",
        ("notifications.to_send", "email"): "notifications.to_send.email",
        **{("notifications.retry", step): name for name, step in DELAY_QUEUES.items()},
        **{("notifications.dead", name.rpartition(".")[2]): name for name in DEAD_LETTER_QUEUES},
    }
    assert routes == expected


@pytest.mark.parametrize(
    ("remaining", "name"), [(0.999, None), (-1, None), (1, "1s"), (24.9, "5s"), (25, "25s"), (86_400, "1h")]
)
def test_a_step_is_named_after_its_wait(remaining: float, name: str | None) -> None:
    assert delay_step(remaining) == name
