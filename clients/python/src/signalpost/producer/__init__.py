"""Publishes events. `EventPublisher` talks to the broker, and returns once that has the event safe.

    from signalpost.events import CertificateIssued
    from signalpost.producer import EventPublisher

    async with EventPublisher(amqp_url, source="/wipe/backend") as publisher:
        await publisher.publish(CertificateIssued(tenant="org_1", certificate_id="cert_42"))

It only writes to the exchange `events`: it declares nothing and reads nothing. A producer without a way to the broker
takes `signalpost.producer.http`, one that writes to MongoDB in the same breath `signalpost.outbox`.
"""

from signalpost.cloudevent import Event
from signalpost.producer.errors import (
    BufferFull,
    InvalidEvent,
    Misconfigured,
    PublishError,
    PublishTimeout,
    Refused,
    TryAgain,
)
from signalpost.producer.new_event import NewEvent, Unpublished
from signalpost.producer.publisher import EventPublisher

__all__ = [
    "BufferFull",
    "Event",
    "EventPublisher",
    "InvalidEvent",
    "Misconfigured",
    "NewEvent",
    "PublishError",
    "PublishTimeout",
    "Refused",
    "TryAgain",
    "Unpublished",
]
