"""A message to publish, and the one that carries an event. Pure: nothing is published here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from signalpost.cloudevent import EVENT_CONTENT_TYPE, Event, encode_event

EVENTS: Final = "events"
"""The exchange that producers publish to, with the event's type as the routing key."""
ACCEPTED_AT: Final = "accepted-at"
"""Header of events and tasks: when the event was handed to Signalpost, in epoch milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message to publish."""

    exchange: str
    routing_key: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str | int] = field(default_factory=dict)
    content_type: str = "application/json"


def event_message(event: Event, *, accepted_at: int = 0) -> Outgoing:
    """Return the message that puts an event on the exchange `events`.

    Args:
        event: what is published.
        accepted_at: when it was handed to Signalpost, in epoch milliseconds; 0 leaves that to the dispatcher to say.
    """
    headers: dict[str, str | int] = {"traceparent": event.traceparent} if event.traceparent else {}
    if accepted_at:
        headers[ACCEPTED_AT] = accepted_at
    return Outgoing(
        exchange=EVENTS,
        routing_key=event.type,
        body=encode_event(event),
        headers=headers,
        content_type=EVENT_CONTENT_TYPE,
    )
