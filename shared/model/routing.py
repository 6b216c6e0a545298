"""Which exchange, key and headers each kind of message takes. Nothing is published here."""

from collections.abc import Mapping
from typing import Final

from shared.model.task import TASK_CONTENT_TYPE, DeadLetterInfo, Task
from shared.model.topology import DEAD, DEFER, DELAY_HEADER, RETRY, TO_SEND, delay_step
from signalpost.message import Outgoing, event_message

__all__ = [
    "HOLD_STEP",
    "Outgoing",
    "dead_message",
    "deferred_event_message",
    "event_message",
    "held_message",
    "readable_headers",
    "task_message",
]

HOLD_STEP: Final = "5s"
_READABLE_CHARACTERS: Final = 16_384
"""At most 64 KiB: with our own headers far below the 128 KiB of a frame, beyond which the broker hangs up."""


def task_message(task: Task, *, now_ms: int) -> Outgoing:
    """Return the message that brings a task to its consumer, through the delay ladder if it must wait.

    It takes the longest step that fits; the consumer sends it on to the next one when it comes back early,
    and waits out a remainder below the shortest step itself.
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


def deferred_event_message(
    routing_key: str, *, headers: Mapping[str, object], body: bytes, content_type: str
) -> Outgoing:
    """Return the message that lets an event wait until there is room for it."""
    return Outgoing(
        exchange=DEFER,
        routing_key=routing_key,
        body=body,
        headers=readable_headers(headers),
        content_type=content_type,
    )


def held_message(channel: str, *, headers: Mapping[str, object], body: bytes, content_type: str) -> Outgoing:
    """Return the message that lets a task we may not read wait on the ladder, unchanged, for somebody who may."""
    readable = readable_headers(headers) | {DELAY_HEADER: HOLD_STEP}
    return Outgoing(exchange=RETRY, routing_key=channel, body=body, headers=readable, content_type=content_type)


def dead_message(
    key: str, letter: DeadLetterInfo, *, headers: dict[str, str | int], body: bytes, content_type: str
) -> Outgoing:
    """Return the message that parks something in the dead-letter queue `key` (webhook, email or event)."""
    return Outgoing(
        exchange=DEAD, routing_key=key, body=body, headers=headers | letter.headers(), content_type=content_type
    )


def readable_headers(headers: Mapping[str, object]) -> dict[str, str | int]:
    """Return the headers of a message we could not read, as far as they can be published again.

    All headers must fit into one frame, beside ours. And some the broker acts upon: with its own `x-death` and kin
    a message published again is dropped as a cycle, and `CC` routes copies of it.
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
