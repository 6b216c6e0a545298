"""A message to publish, and what the broker is told about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from pamqp.commands import Basic


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message to publish."""

    exchange: str
    routing_key: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str | int] = field(default_factory=dict)
    content_type: str = "application/json"


def properties_of(message: Outgoing) -> Basic.Properties:
    """Return its AMQP properties: persistent, and with an id of this publish alone."""
    return Basic.Properties(
        content_type=message.content_type,
        delivery_mode=2,
        message_id=uuid4().hex,  # unique for each publish: returned messages are matched by it
        timestamp=datetime.now(UTC),
        app_id="signalpost",
        headers=dict(message.headers),
    )
