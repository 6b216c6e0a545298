"""The messages on the wire: a delivery task, a dead letter; how each is read and written. Events are the client's.

Reading is strict and names what is wrong, because whatever cannot be read is parked under that sentence.
`msgspec.Raw` keeps the bytes of `data` as they came: big integers, key order and unicode survive.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Final

import msgspec

from shared.reasons import DeadReason
from signalpost.cloudevent import (
    EVENT_CONTENT_TYPE,
    MAX_EVENT_BYTES,
    Event,
    InvalidMessage,
    encode_event,
    parse_event,
    rfc3339,
)
from signalpost.message import ACCEPTED_AT

__all__ = [
    "ACCEPTED_AT",
    "EVENT_CONTENT_TYPE",
    "MAX_EVENT_BYTES",
    "DeadLetter",
    "Event",
    "InvalidMessage",
    "NewerMessage",
    "Task",
    "WebhookBody",
    "encode_event",
    "epoch_ms",
    "epoch_ms_header",
    "event_time",
    "parse_event",
    "parse_task",
    "parse_webhook_body",
    "rfc3339",
    "webhook_body",
]

TASK_CONTENT_TYPE: Final = "application/json"
OWN_SOURCE: Final = "/signalpost"
"""The CloudEvents source of the events that Signalpost emits itself."""

_LAST_MS = 1 << 48
_AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]


class NewerMessage(InvalidMessage):
    """The message says that its meaning is one that this version can't know; a newer one has to read it."""


class WebhookBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver gets (the shape that Standard Webhooks recommends)."""

    id: str
    type: str
    timestamp: str
    tenant: str
    subject: str | None
    data: msgspec.Raw


def webhook_body(event: Event) -> bytes:
    """Write exactly the bytes that are posted, and signed, for this event."""
    return _json.encode(
        WebhookBody(
            id=event.id,
            type=event.type,
            timestamp=event.time_text,
            tenant=event.tenant_id,
            subject=event.subject,
            data=msgspec.Raw(event.data),
        )
    )


class _Timestamp(msgspec.Struct):
    timestamp: _AwareTime


_json = msgspec.json.Encoder()
_bodies = msgspec.json.Decoder(WebhookBody)
_timestamps = msgspec.json.Decoder(_Timestamp)


def event_time(body: bytes) -> datetime:
    """Return the time of the event that a task's body tells of.

    Raises:
        InvalidMessage: the body is not what `webhook_body` writes.
    """
    try:
        return _timestamps.decode(body).timestamp
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidMessage(f"body: {error}") from error


def parse_webhook_body(body: bytes) -> WebhookBody:
    """Read a task's body back, for the channel that needs its parts (mail).

    Raises:
        InvalidMessage: the body is not what `webhook_body` writes.
    """
    try:
        return _bodies.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage(f"body: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Task:
    """One delivery that is to be attempted: the body to send, and its facts, which travel as AMQP headers."""

    channel: str
    delivery_id: str
    event_id: str
    event_type: str
    tenant_id: str
    subscription_id: str
    """The subscription's id; empty for a mail that goes to recipients named in the event's data."""
    attempt: int
    not_before: int
    """Epoch milliseconds."""
    traceparent: str
    body: bytes = field(repr=False)
    recipient: str = ""
    """The mail address; empty for webhooks."""
    republished_by: str = ""
    """Who put this task on the queue again (api, dispatcher, reconciler); such a task is checked before sending."""
    accepted_at: int = 0
    """Epoch milliseconds: when the event was handed to Signalpost; 0 where nobody noted it."""

    def headers(self) -> dict[str, str | int]:
        """Return the facts as AMQP headers; empty ones are left out."""
        headers: dict[str, str | int] = {
            name: value for name, attribute in _TEXT_HEADERS.items() if (value := getattr(self, attribute))
        }
        headers["attempt"] = self.attempt
        headers["not-before"] = self.not_before
        if self.accepted_at:
            headers[ACCEPTED_AT] = self.accepted_at
        return headers

    def at(self, *, attempt: int, not_before: int, republished_by: str = "") -> "Task":
        """Return the same task for another attempt or time."""
        return replace(self, attempt=attempt, not_before=not_before, republished_by=republished_by)


_TEXT_HEADERS = {
    "delivery-id": "delivery_id",
    "event-id": "event_id",
    "event-type": "event_type",
    "tenant-id": "tenant_id",
    "subscription-id": "subscription_id",
    "traceparent": "traceparent",
    "recipient": "recipient",
    "republished-by": "republished_by",
}
MESSAGE_VERSION: Final = 1
"""How tasks are to be read. Raised only where ignoring what is new would be wrong; a header more does not need it."""
VERSION_HEADER: Final = "message-version"
"""Carries that number; a task without it has version 1."""
_REQUIRED_HEADERS = {"delivery-id", "event-id", "event-type", "tenant-id"}


def parse_task(channel: str, headers: Mapping[str, object], body: bytes) -> Task:
    """Read a task from a queue; headers it does not know are ignored, so that a newer version may add some.

    Raises:
        NewerMessage: it is not for this version to read.
        InvalidMessage: a header is missing or of the wrong type, or there is no body.
    """
    _check_version(headers)
    texts = {attribute: _text_header(headers, name) for name, attribute in _TEXT_HEADERS.items()}
    attempt, not_before = _number_header(headers, "attempt"), _number_header(headers, "not-before")
    if attempt < 1:
        raise InvalidMessage(f"header attempt: expected 1 or more, got {attempt}")
    if channel == "webhook" and not texts["subscription_id"]:
        raise InvalidMessage("header subscription-id: missing")
    if channel == "email" and not texts["recipient"]:
        raise InvalidMessage("header recipient: missing")
    parse_webhook_body(body)
    accepted_at = epoch_ms_header(headers, ACCEPTED_AT) or 0
    return Task(channel=channel, attempt=attempt, not_before=not_before, accepted_at=accepted_at, body=body, **texts)


def epoch_ms_header(headers: Mapping[str, object], name: str) -> int | None:
    """Return a time that a header holds as epoch milliseconds, or None: a note to measure by, never to act upon."""
    value = headers.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LAST_MS else None


def _check_version(headers: Mapping[str, object]) -> None:
    if VERSION_HEADER not in headers:
        return
    version = _number_header(headers, VERSION_HEADER)
    if version > MESSAGE_VERSION:
        raise NewerMessage(f"header {VERSION_HEADER}: {version} is newer than {MESSAGE_VERSION}, which we read")


def _text_header(headers: Mapping[str, object], name: str) -> str:
    value = headers.get(name, "")
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if not isinstance(value, str):
        raise InvalidMessage(f"header {name}: expected text, got {type(value).__name__}")
    if not value and name in _REQUIRED_HEADERS:
        raise InvalidMessage(f"header {name}: missing")
    return value


def _number_header(headers: Mapping[str, object], name: str) -> int:
    value = headers.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidMessage(f"header {name}: expected a whole number, got {type(value).__name__}")
    return value


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """Why a message was parked: the `dead-*` headers, enough to triage in RabbitMQ's management UI alone."""

    reason: DeadReason
    detail: str
    status: int | None = None
    """The HTTP or SMTP code of the last attempt."""
    attempts: int = 0
    first_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    target: str = ""
    """URL without credentials or query, or mail address."""
    routing_key: str = ""
    """The key that an event was published with: a replay must not give it another."""

    def headers(self) -> dict[str, str | int]:
        """Return the facts as AMQP headers; unknown ones are left out."""
        headers: dict[str, str | int] = {
            "dead-reason": self.reason.value,
            "dead-detail": self.detail[:1000],
            "dead-attempts": self.attempts,
        }
        if self.status is not None:
            headers["dead-status"] = self.status
        if self.first_attempt_at is not None:
            headers["dead-first-attempt-at"] = rfc3339(self.first_attempt_at)
        if self.last_attempt_at is not None:
            headers["dead-last-attempt-at"] = rfc3339(self.last_attempt_at)
        if self.target:
            headers["dead-target"] = self.target
        if self.routing_key:
            headers["dead-routing-key"] = self.routing_key
        return headers


def epoch_ms(time: datetime) -> int:
    """Return the milliseconds since the epoch."""
    return round(time.timestamp() * 1000)
