"""The broker's topology as data: every exchange, queue and binding, and nothing that talks to a broker.

`shared.broker.declare` applies it at each service's start; `python -m deploy.rabbitmq.definitions` writes
it as RabbitMQ definitions. It is the same on RabbitMQ 3.10 and 4.x, so it uses only what both understand.
"""

from dataclasses import dataclass, field
from typing import Final

from shared.model.retry import longest_step
from signalpost import message

EVENTS: Final = message.EVENTS
EVENTS_TO_DISPATCH: Final = "events.to_dispatch"
DEFER: Final = "events.aside"
DEFERRED_EVENTS: Final = "events.set_aside"
"""The queue of events whose tenant already has its share of the work; they are dispatched when there is room."""
TO_SEND: Final = "notifications.to_send"
RETRY: Final = "notifications.retry"
DEAD: Final = "notifications.dead"

WEBHOOK: Final = "webhook"
EMAIL: Final = "email"
EVENT: Final = "event"
CHANNELS: Final = (WEBHOOK, EMAIL)
DEAD_LETTER_KEYS: Final = (*CHANNELS, EVENT)

DELAY_HEADER: Final = "delay-rung"
"""Header that the retry exchange routes by."""
DELAY_STEPS: Final[dict[str, float]] = {"1s": 1, "5s": 5, "25s": 25, "2m": 120, "10m": 600, "1h": 3600}
"""Names and waits (seconds) of the delay queues, shortest first."""

WORK_DELIVERY_LIMIT: Final = 50
"""How often the broker delivers a work message before it dead-letters it. This is far above any honest number of
crashes. Never use -1: it makes RabbitMQ 3.10 lose the message."""
UNLIMITED_DELIVERIES: Final = 1_000_000
"""For queues without consumers. Looking at a message in the management UI counts as a delivery, and beyond the limit
the broker deletes the message."""

Argument = str | int


@dataclass(frozen=True)
class Exchange:
    """A durable exchange."""

    name: str
    type: str


@dataclass(frozen=True)
class Queue:
    """A durable quorum queue."""

    name: str
    arguments: dict[str, Argument]


@dataclass(frozen=True)
class Binding:
    """A binding of a queue to an exchange."""

    exchange: str
    queue: str
    routing_key: str = ""
    arguments: dict[str, Argument] = field(default_factory=dict)


@dataclass(frozen=True)
class Topology:
    """Everything that is declared."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]


def to_send_queue(channel: str) -> str:
    """Return the name of the queue with a channel's tasks."""
    return f"{TO_SEND}.{channel}"


def retry_queue(step: str) -> str:
    """Return the name of the delay queue for one step."""
    return f"{RETRY}.{step}"


def dead_letter_queue(key: str) -> str:
    """Return the name of the dead-letter queue for `webhook`, `email` or `event`."""
    return f"notifications.dlq.{key}"


def delay_step(remaining: float) -> str | None:
    """Return the name of the longest step that fits into the remaining wait (seconds), None below the shortest."""
    step = longest_step(remaining, tuple(DELAY_STEPS.values()))
    return next((name for name, wait in DELAY_STEPS.items() if wait == step), None)


def _quorum(delivery_limit: int, **dead_letter_to: str) -> dict[str, Argument]:
    arguments: dict[str, Argument] = {
        "x-queue-type": "quorum",
        "x-delivery-limit": delivery_limit,
        "x-overflow": "reject-publish",  # at-least-once dead-lettering needs it, without saying so
    }
    if dead_letter_to:
        arguments["x-dead-letter-strategy"] = "at-least-once"
        arguments |= {f"x-dead-letter-{name}": value for name, value in dead_letter_to.items()}
    return arguments


def _work_queue(name: str, key: str) -> Queue:
    return Queue(name, _quorum(WORK_DELIVERY_LIMIT, exchange=DEAD) | {"x-dead-letter-routing-key": key})


def _delay_queue(step: str, wait: float) -> Queue:
    # No dead-letter routing key: the message keeps its own, `webhook` or `email`, and returns to the right queue.
    arguments = _quorum(UNLIMITED_DELIVERIES, exchange=TO_SEND) | {"x-message-ttl": int(wait * 1000)}
    return Queue(retry_queue(step), arguments)


def topology() -> Topology:
    """Return the whole topology, exchanges and queues before the bindings that need them."""
    return Topology(
        exchanges=(
            Exchange(EVENTS, "topic"),
            Exchange(DEFER, "fanout"),  # keeps the routing key
            Exchange(TO_SEND, "direct"),
            Exchange(RETRY, "headers"),
            Exchange(DEAD, "direct"),
        ),
        queues=(
            _work_queue(EVENTS_TO_DISPATCH, EVENT),
            _work_queue(DEFERRED_EVENTS, EVENT),
            *(_work_queue(to_send_queue(channel), channel) for channel in CHANNELS),
            *(_delay_queue(step, wait) for step, wait in DELAY_STEPS.items()),
            *(Queue(dead_letter_queue(key), _quorum(UNLIMITED_DELIVERIES)) for key in DEAD_LETTER_KEYS),
        ),
        bindings=(
            Binding(EVENTS, EVENTS_TO_DISPATCH, "#"),
            Binding(DEFER, DEFERRED_EVENTS),
            *(Binding(TO_SEND, to_send_queue(channel), channel) for channel in CHANNELS),
            *(Binding(RETRY, retry_queue(step), "", {"x-match": "all", DELAY_HEADER: step}) for step in DELAY_STEPS),
            *(Binding(DEAD, dead_letter_queue(key), key) for key in DEAD_LETTER_KEYS),
        ),
    )
