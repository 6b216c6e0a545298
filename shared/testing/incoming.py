"""A message as a consumer hands it to its handler, made from one that was published; it remembers its ack."""

from typing import cast

from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.broker import Incoming
from shared.broker.acks import Acks
from shared.model.routing import Outgoing
from signalpost.amqp.publisher import properties_of


class MemoryAcks:
    """Stands for the acks of a connection."""

    def __init__(self) -> None:
        self.settled: list[int] = []

    def handed_out(self, tag: int) -> None:
        """Do nothing: no broker waits."""

    def settle(self, tag: int) -> None:
        """Remember that a message was acked."""
        self.settled.append(tag)


def incoming(message: Outgoing, *, redelivered: bool = False, acks: MemoryAcks | None = None) -> Incoming:
    """Return a published message as its consumer gets it."""
    delivered = DeliveredMessage(
        delivery=Basic.Deliver(
            consumer_tag="tests",
            delivery_tag=1,
            redelivered=redelivered,
            exchange=message.exchange,
            routing_key=message.routing_key,
        ),
        header=ContentHeader(properties=properties_of(message), body_size=len(message.body)),
        body=message.body,
        channel=cast("object", None),  # type: ignore[arg-type] # nothing is answered on it
    )
    return Incoming(delivered, cast("Acks", acks or MemoryAcks()))
