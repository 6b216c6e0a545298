"""The exchange, routing key and headers of each kind of message. Pure: publishes nothing."""

from collections.abc import Mapping
from typing import Final, Protocol

from shared.model.task import TASK_CONTENT_TYPE, DeadLetterInfo, Task
from shared.model.topology import DEAD, DEFER, DELAY_HEADER, RETRY, TO_SEND, delay_step
from signalpost.message import ACCEPTED_AT, Outgoing, event_message

__all__ = [
    "HOLD_STEP",
    "Outgoing",
    "Received",
    "dead_task_message",
    "deferred_event_message",
    "event_message",
    "held_message",
    "readable_headers",
    "rejected_message",
    "task_message",
]

HOLD_STEP: Final = "5s"
_READABLE_CHARACTERS: Final = 16_384
"""At most 64 KiB of UTF-8: together with our own headers far below the 128 KiB of a frame, beyond which the broker
closes the connection."""


class Received(Protocol):
    """A message as a consumer got it."""

    @property
    def routing_key(self) -> str:
        """The key it was published with."""
        ...

    @property
    def headers(self) -> Mapping[str, object]:
        """Its headers, of any AMQP type."""
        ...

    @property
    def body(self) -> bytes:
        """Its bytes."""
        ...

    @property
    def content_type(self) -> str:
        """Its content type; empty if it has none."""
        ...


def task_message(task: Task, *, now_ms: int) -> Outgoing:
    """Return the message that brings a task to its consumer, through a delay queue if it must wait.

    It takes the longest step that fits. When it comes back early, the consumer delays it again, and itself waits out
    a remainder below the shortest step.
    """
    step = delay_step((task.not_before - now_ms) / 1000)
    headers = task.headers()
    if step is None:
        exchange = TO_SEND
    else:
        exchange, headers[DELAY_HEADER] = RETRY, step
    return Outgoing(
        exchange=exchange,
        routing_key=task.channel,
        body=task.body,
        headers=headers,
        content_type=TASK_CONTENT_TYPE,
    )


def deferred_event_message(event: Received, *, accepted_at: int) -> Outgoing:
    """Return the message that defers an event until there is room for it."""
    return _passed_on(event, DEFER, event.routing_key, {ACCEPTED_AT: accepted_at})


def held_message(channel: str, task: Received) -> Outgoing:
    """Return the message that delays a task unchanged, until a newer consumer reads it."""
    return _passed_on(task, RETRY, channel, {DELAY_HEADER: HOLD_STEP})


def rejected_message(key: str, info: DeadLetterInfo, received: Received) -> Outgoing:
    """Return the message that dead-letters a received message as it came; `key` is webhook, email or event."""
    return _passed_on(received, DEAD, key, info.headers())


def dead_task_message(task: Task, info: DeadLetterInfo, *, attempt: int) -> Outgoing:
    """Return the dead letter of a task whose last attempt was this one."""
    return Outgoing(
        exchange=DEAD,
        routing_key=task.channel,
        body=task.body,
        headers=task.headers() | {"attempt": attempt} | info.headers(),
        content_type=TASK_CONTENT_TYPE,
    )


def _passed_on(received: Received, exchange: str, key: str, headers: dict[str, str | int]) -> Outgoing:
    return Outgoing(
        exchange=exchange,
        routing_key=key,
        body=received.body,
        headers=readable_headers(received.headers) | headers,
        content_type=received.content_type,
    )


def readable_headers(headers: Mapping[str, object]) -> dict[str, str | int]:
    """Return the headers of a received message, as far as they can be published again.

    All headers must fit into one frame, beside ours. And the broker acts upon some: it drops a message that carries
    its own `x-death` headers as a cycle, and routes copies to the keys in `CC`.
    """
    readable: dict[str, str | int] = {}
    room = _READABLE_CHARACTERS
    for name, value in headers.items():
        if name.startswith(("x-death", "x-first-death", "x-last-death")) or name in {"CC", "BCC"}:
            continue
        kept = value if isinstance(value, int) else str(value)[:1000]
        room -= len(name) + len(str(kept))
        if room < 0:
            break
        readable[name] = kept
    return readable
