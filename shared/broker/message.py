"""A message as the broker hands it out, and the AMQP properties of one that is published."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from shared.model.routing import Outgoing


class Message:
    """What was published, and how it came."""

    __slots__ = ("body", "content_type", "headers", "redelivered", "routing_key", "tag")

    def __init__(self, message: DeliveredMessage) -> None:
        properties = message.header.properties
        self.body: bytes = message.body
        self.headers: Mapping[str, Any] = properties.headers or {}
        self.content_type: str = properties.content_type or ""
        self.routing_key: str = message.routing_key or ""
        self.redelivered: bool = bool(message.redelivered)
        self.tag: int = message.delivery_tag or 0
        """By which the channel that it came through knows it."""


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
