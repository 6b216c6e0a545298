"""The names and attributes of our spans, after OpenTelemetry's conventions for messaging and HTTP.

    send events (PRODUCER) ─▶ process events.to_dispatch (CONSUMER) ─▶ deliver webhook (CONSUMER) ─▶ POST (CLIENT)
                                                                   └▶ deliver mail (CONSUMER), one for each attempt

A span never holds a body, a header, a URL or a mail address: paths and queries of webhooks are often secrets.
"""

from typing import Final

from yarl import URL

from shared.model.event import Event
from shared.model.topology import EVENTS_TO_DISPATCH
from shared.telemetry.tracing import Attributes, Kind, Span, Tracing
from signalpost.span_facts import SEND_EVENTS, SEND_FACTS, event_facts, messaging

__all__ = ["dispatching", "event_facts", "messaging", "note_rejected", "note_status", "requesting", "sending"]

_DISPATCH: Final = messaging("process", "process", EVENTS_TO_DISPATCH)


def sending(tracing: Tracing, parent: str | None) -> Span:
    """Begin the span of publishing an event; the event carries its `traceparent`."""
    return tracing.start(SEND_EVENTS, Kind.PRODUCER, parent=parent, attributes=SEND_FACTS)


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
