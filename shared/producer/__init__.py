"""What a producer needs: typed events (`events`), and an `EventPublisher` that returns when the broker has them safe.

    from shared.producer import EventPublisher, events

    async with EventPublisher(amqp_url, source="/wipe/backend") as publisher:
        await publisher.publish(events.certificate_issued(tenant="org_1", certificate_id="cert_42"))

It only writes to the exchange `events`: it declares nothing and reads nothing. A producer that writes to MongoDB in
the same breath takes `shared.outbox`.
"""

from shared.producer.errors import (
    BufferFull,
    InvalidEvent,
    Misconfigured,
    PublishError,
    PublishTimeout,
    Refused,
    TryAgain,
)
from shared.producer.new_event import NewEvent
from shared.producer.publisher import EventPublisher

__all__ = [
    "BufferFull",
    "EventPublisher",
    "InvalidEvent",
    "Misconfigured",
    "NewEvent",
    "PublishError",
    "PublishTimeout",
    "Refused",
    "TryAgain",
]
