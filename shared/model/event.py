"""An event as it is stored, and the body that receivers get. The client package reads a producer's message.

`msgspec.Raw` keeps the bytes of `data` unchanged: big integers, key order and Unicode survive.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import msgspec

from signalpost.cloudevent import (
    EVENT_CONTENT_TYPE,
    JSON,
    MAX_EVENT_BYTES,
    Event,
    Extension,
    InvalidMessage,
    encode_event,
    parse_event,
    rfc3339,
)

__all__ = [
    "EVENT_CONTENT_TYPE",
    "JSON",
    "MAX_EVENT_BYTES",
    "OWN_SOURCE",
    "Event",
    "InvalidMessage",
    "NewerMessage",
    "StoredEvent",
    "WebhookBody",
    "encode_event",
    "epoch_ms",
    "event_time",
    "is_reserved_source",
    "parse_event",
    "parse_webhook_body",
    "rfc3339",
    "webhook_body",
]

OWN_SOURCE: Final = "/signalpost"
"""The CloudEvents source of system events."""


def is_reserved_source(source: str) -> bool:
    """Tell whether only Signalpost itself may use this source."""
    return source == OWN_SOURCE or source.startswith(f"{OWN_SOURCE}/")


_AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]


class NewerMessage(InvalidMessage):
    """The message is marked for a newer version than this one."""


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """An event as it is stored, with the outcome of its dispatch."""

    event: Event
    created_at: datetime
    dispatched_at: datetime | None
    matched: int
    """How many deliveries it had when it was dispatched."""
    uncatalogued: bool


class WebhookBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver gets (the shape that Standard Webhooks recommends)."""

    id: str
    type: str
    timestamp: str
    tenant: str
    subject: str | None
    extensions: dict[str, Extension] | msgspec.UnsetType = msgspec.UNSET
    """The event's extension attributes; absent where it has none."""
    data: msgspec.Raw


def webhook_body(event: Event) -> bytes:
    """Write the exact bytes that are signed and posted for this event."""
    return _json.encode(
        WebhookBody(
            id=event.id,
            type=event.type,
            timestamp=event.time_text,
            tenant=event.tenant_id,
            subject=event.subject,
            extensions=dict(event.extensions) or msgspec.UNSET,
            data=msgspec.Raw(event.data),
        )
    )


_json = msgspec.json.Encoder()
_bodies = msgspec.json.Decoder(WebhookBody)


def event_time(body: WebhookBody) -> datetime:
    """Return the time of the event in a task's body.

    Raises:
        InvalidMessage: the timestamp is not an RFC 3339 time.
    """
    try:
        return msgspec.convert(body.timestamp, _AwareTime)
    except msgspec.ValidationError as error:
        raise InvalidMessage(f"body: timestamp: {error}") from error


def parse_webhook_body(body: bytes) -> WebhookBody:
    """Read a task's body.

    Raises:
        InvalidMessage: the body is not what `webhook_body` writes.
    """
    try:
        return _bodies.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage(f"body: {error}") from error


def epoch_ms(time: datetime) -> int:
    """Return the milliseconds since the epoch."""
    return round(time.timestamp() * 1000)
