"""What a span about an event says, after OpenTelemetry's conventions for messaging. Pure.

It never holds a body, a header, a URL or a mail address: paths and queries of webhooks are often secrets.
"""

from typing import Final

from signalpost.cloudevent import Event
from signalpost.message import EVENTS


def messaging(operation_type: str, operation: str, destination: str) -> dict[str, str | int]:
    """Return what every span about a message says."""
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": operation_type,
        "messaging.operation.name": operation,
        "messaging.destination.name": destination,
    }


SEND_EVENTS: Final = "send events"
"""The name of the span of one publish."""
SEND_FACTS: Final = messaging("send", "send", EVENTS)
"""What it says at its start."""


def event_facts(event: Event) -> dict[str, str | int]:
    """Return what a span says about an event."""
    return {
        "messaging.message.id": event.id,
        "messaging.rabbitmq.destination.routing_key": event.type,
        "cloudevents.event_id": event.source_id,
        "cloudevents.event_type": event.type,
        "signalpost.event.id": event.id,
        "signalpost.tenant.id": event.tenant_id,
    }
