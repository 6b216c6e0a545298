"""A message as the broker hands it out."""

from collections.abc import Mapping
from typing import Any

from aiormq.abc import DeliveredMessage


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
