"""An event as a producer states it, and its check against the catalogue before it leaves the house. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from signalpost.catalogue import Catalogue
from signalpost.checking import read_event
from signalpost.cloudevent import Event, InvalidMessage, encode_event, rfc3339
from signalpost.events.system import is_internal
from signalpost.events.typed import Attributes, TypedEvent
from signalpost.producer.errors import InvalidEvent
from signalpost.traceparent import traceparent_or_new

CurrentTraceparent = Callable[[], str | None]
"""Asks the caller's tracing for the W3C `traceparent` of what is going on now; None outside of any span."""


def no_trace() -> str | None:
    """Know of no trace."""
    return None


@dataclass(frozen=True, kw_only=True)
class NewEvent(Attributes):
    """An event of any type that is yet to be published. The products' types have classes in `signalpost.events`."""

    type: str
    data: Mapping[str, object]
    """What JSON can hold."""
    subject: str | None = None


Unpublished = NewEvent | TypedEvent
"""What a producer may publish."""


def accept(
    event: Unpublished, *, source: str, catalogue: Catalogue, current_traceparent: CurrentTraceparent = no_trace
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
