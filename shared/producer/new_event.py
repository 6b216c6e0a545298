"""An event as a producer states it, and its check against the catalogue before it leaves the house. Pure.

The id is drawn when the value is made, so whoever publishes the same value twice publishes one event.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from shared.catalogue import Catalogue
from shared.catalogue.checking import read_event
from shared.model.event import Event, InvalidMessage, encode_event, rfc3339
from shared.model.system_events import is_internal
from shared.model.traceparent import traceparent_or_new
from shared.process.clock import utc_now
from shared.producer.errors import InvalidEvent

CurrentTraceparent = Callable[[], str | None]
"""Asks the caller's tracing for the W3C `traceparent` of what is going on now; None outside of any span."""


def no_trace() -> str | None:
    """Know of no trace."""
    return None


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """An event that is yet to be published. For the built-in types, `shared.producer.events` makes it.

    Raises:
        ValueError: the time has no zone.
    """

    type: str
    tenant: str
    """Who the event belongs to (the CloudEvents attribute `tenantid`)."""
    data: Mapping[str, object]
    """What JSON can hold."""
    subject: str | None = None
    id: str = field(default_factory=lambda: uuid4().hex)
    """Together with tenant and source, the event's identity: the same again is the same event."""
    time: datetime = field(default_factory=utc_now)
    traceparent: str | None = None

    def __post_init__(self) -> None:
        if self.time.tzinfo is None:
            raise ValueError("time: needs a time zone; use datetime.now(UTC)")


def accept(
    event: NewEvent, *, source: str, catalogue: Catalogue, current_traceparent: CurrentTraceparent = no_trace
) -> Event:
    """Return the event as Signalpost will read it, checked with the words that Signalpost would use.

    Without a `traceparent` of its own it joins the current trace, or begins one.

    Raises:
        InvalidEvent: Signalpost would refuse it.
    """
    if is_internal(event.type):
        raise InvalidEvent(f"type: {event.type} is emitted by Signalpost alone; choose another type")
    try:
        body = encode_event(
            Event(
                tenant_id=event.tenant,
                source=source,
                source_id=event.id,
                type=event.type,
                time=event.time,
                time_text=rfc3339(event.time),
                subject=event.subject,
                data=_encode(event.data),
                traceparent=traceparent_or_new(event.traceparent or current_traceparent()),
            )
        )
        return read_event(body, catalogue)
    except UnicodeEncodeError as error:
        raise InvalidEvent(f"{event.type}: not plain Unicode text: {error.reason}") from error
    except InvalidMessage as error:
        raise InvalidEvent(f"{event.type}: {error}") from error


def _encode(data: Mapping[str, object]) -> bytes:
    """Write data as JSON, strictly: what has no form of its own in JSON is refused and not guessed at."""
    try:
        return json.dumps(dict(data), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidMessage(f"data: can't be written as JSON: {error}") from error
