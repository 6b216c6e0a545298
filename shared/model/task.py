"""A delivery task and a dead letter as broker messages: the headers are the facts, the body is what is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Final

from shared.model.delivery import Delivery
from shared.model.event import InvalidMessage, NewerMessage, WebhookBody, epoch_ms, parse_webhook_body, rfc3339
from shared.model.reasons import DeadReason
from signalpost.message import ACCEPTED_AT

TASK_CONTENT_TYPE: Final = "application/json"

_LAST_MS = 1 << 48


@dataclass(frozen=True, kw_only=True)
class Task:
    """One attempt to be made at a delivery: the body to send, and facts that travel as AMQP headers."""

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
    """Who put this task on the queue again (api, dispatcher, reconciler); such a task is prechecked."""
    accepted_at: int = 0
    """Epoch milliseconds: when the event was handed to Signalpost; 0 if unknown."""

    @cached_property
    def content(self) -> WebhookBody:
        """What its body says; raises InvalidMessage if the body is not what `webhook_body` writes."""
        return parse_webhook_body(self.body)

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
"""The format of tasks. Raise it only if ignoring the new part would be wrong; a new header doesn't need it."""
VERSION_HEADER: Final = "message-version"
"""Carries that number; a task without it has version 1."""
_REQUIRED_HEADERS = {"delivery-id", "event-id", "event-type", "tenant-id"}


def task_for(delivery: Delivery, body: bytes, *, accepted_at: int = 0, republished_by: str = "") -> Task:
    """Return the task for the next attempt at a stored delivery.

    Args:
        delivery: the delivery.
        body: what `webhook_body` wrote for its event.
        accepted_at: when the event was handed to Signalpost, in epoch milliseconds; 0 if unknown.
        republished_by: who puts it on the queue again; empty for the first time.
    """
    return Task(
        channel=delivery.channel,
        delivery_id=delivery.id,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        tenant_id=delivery.tenant_id,
        subscription_id=delivery.subscription_id,
        attempt=delivery.attempts_made + 1,
        not_before=epoch_ms(delivery.due_at or delivery.created_at),
        traceparent=delivery.traceparent,
        body=body,
        recipient=delivery.recipient,
        republished_by=republished_by,
        accepted_at=accepted_at,
    )


def parse_task(channel: str, headers: Mapping[str, object], body: bytes) -> Task:
    """Read a task from a queue; unknown headers are ignored, so that a newer version may add some.

    Raises:
        NewerMessage: a newer version must read it.
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
    accepted_at = epoch_ms_header(headers, ACCEPTED_AT) or 0
    task = Task(channel=channel, attempt=attempt, not_before=not_before, accepted_at=accepted_at, body=body, **texts)
    _ = task.content  # raises InvalidMessage for a body that can't be read
    return task


def epoch_ms_header(headers: Mapping[str, object], name: str) -> int | None:
    """Return a header's time in epoch milliseconds, or None. Use it for measuring, never for decisions."""
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
class DeadLetterInfo:
    """Why a message was dead-lettered: the `dead-*` headers, enough for triage in RabbitMQ's management UI."""

    reason: DeadReason
    detail: str
    status: int | None = None
    """The HTTP or SMTP code of the last attempt."""
    attempts: int = 0
    first_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    target: str = ""
    """The URL without credentials and query, or the mail address."""
    routing_key: str = ""
    """The key that an event was published with; a replay must use the same."""

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
