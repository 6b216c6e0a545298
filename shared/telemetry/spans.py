"""The names and attributes of our spans, after OpenTelemetry's conventions for messaging and HTTP.

    send events (PRODUCER) ─▶ process events.to_dispatch (CONSUMER) ─▶ deliver webhook (CONSUMER) ─▶ POST (CLIENT)
                                                                   └▶ deliver mail (CONSUMER), one for each attempt

A span never holds a body, a header, a URL or a mail address: paths and queries of webhooks are often secrets.
"""

from typing import Final

from yarl import URL

from shared.model.event import Event
from shared.model.topology import EVENTS, EVENTS_TO_DISPATCH
from shared.telemetry.tracing import Attributes, Kind, Span, Tracing


def messaging(operation_type: str, operation: str, destination: str) -> dict[str, str | int]:
    """Return the attributes of every span about a message."""
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": operation_type,
        "messaging.operation.name": operation,
        "messaging.destination.name": destination,
    }


_SEND: Final = messaging("send", "send", EVENTS)
_DISPATCH: Final = messaging("process", "process", EVENTS_TO_DISPATCH)


def sending(tracing: Tracing, parent: str | None) -> Span:
    """Begin the span of publishing an event; the event carries its `traceparent`."""
    return tracing.start("send events", Kind.PRODUCER, parent=parent, attributes=_SEND)


def dispatching(tracing: Tracing, event: Event, parent: str | None) -> Span:
    """Begin the span of dispatching an event; its deliveries carry its `traceparent`."""
    return tracing.start(
        f"process {EVENTS_TO_DISPATCH}",
        Kind.CONSUMER,
        parent=parent,
        attributes=_DISPATCH | event_facts(event),
        link=parent,
    )


def note_rejected(tracing: Tracing, parent: object, reason: str) -> None:
    """Record a failed span for a message that is dead-lettered."""
    above = parent if isinstance(parent, str) else None
    span = tracing.start(
        f"process {EVENTS_TO_DISPATCH}", Kind.CONSUMER, parent=above, attributes=_DISPATCH, link=above
    )
    span.fail(reason)
    span.end()


def event_facts(event: Event) -> dict[str, str | int]:
    """Return a span's attributes about an event."""
    return {
        "messaging.message.id": event.id,
        "messaging.rabbitmq.destination.routing_key": event.type,
        "cloudevents.event_id": event.source_id,
        "cloudevents.event_type": event.type,
        "signalpost.event.id": event.id,
        "signalpost.tenant.id": event.tenant_id,
    }


def requesting(tracing: Tracing, url: URL, *, parent: str, attempt: int) -> Span:
    """Begin the span of a POST to a receiver; the request carries its `traceparent`."""
    return tracing.start("POST", Kind.CLIENT, parent=parent, attributes=_target(url, attempt))


def _target(url: URL, attempt: int) -> Attributes:
    facts: dict[str, str | int] = {
        "http.request.method": "POST",
        "url.scheme": url.scheme,
        "server.address": url.host or "",
        "server.port": url.port or 0,
    }
    return facts | ({"http.request.resend_count": attempt - 1} if attempt > 1 else {})


def note_status(span: Span, status: int) -> None:
    """Add the receiver's answer to the span."""
    span.note({"http.response.status_code": status})
    if status >= 400:
        span.fail(str(status))
