"""What the delivery pipeline needs of broker and database, as protocols.

`shared.broker` and `shared.storage` satisfy them, and so do the stand-ins in `shared.testing`. What each method means
is said there; `tests/contracts/` holds both to it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shared.model.delivery import Delivery, Transition
from shared.model.event import Event, StoredEvent
from shared.model.reasons import DisabledReason
from shared.model.routing import Outgoing
from shared.model.subscription import Subscription


class MessagePublisher(Protocol):
    """Publishes messages that are safe on a queue when the call returns."""

    @property
    def is_ready(self) -> bool:
        """Whether a publish is likely to be confirmed now."""
        ...

    async def connect(self) -> None:
        """Connect if there is no connection; raises BrokerUnavailable."""
        ...

    async def publish(self, message: Outgoing) -> None:
        """Publish one message."""
        ...

    async def publish_all(self, messages: Sequence[Outgoing]) -> None:
        """Publish many messages; they may overtake each other."""
        ...

    async def message_count(self, queue: str) -> int:
        """Return how many messages of a queue wait; raises BrokerUnavailable."""
        ...

    async def aclose(self) -> None:
        """Close the connection."""
        ...


class DeliveryStore(Protocol):
    """The deliveries, for workers."""

    async def add(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Store new deliveries; return those that were there already."""
        ...

    async def get(self, delivery_id: str) -> Delivery | None:
        """Return a delivery as it is now."""
        ...

    async def record(self, transition: Transition) -> bool:
        """Record a change; False if the delivery has moved on or is gone."""
        ...

    async def defer(self, delivery_id: str, due_at: datetime) -> None:
        """Move an unfinished delivery's due time to later."""
        ...

    async def clear_due(self, delivery_id: str) -> None:
        """Clear a finished delivery's due time."""
        ...

    async def remove(self, delivery_id: str) -> None:
        """Remove a delivery."""
        ...

    async def due(self, *, channel: str, before: datetime, limit: int) -> list[Delivery]:
        """Return deliveries that were due before a time, oldest first."""
        ...

    async def claim(self, delivery: Delivery, *, due_at: datetime) -> bool:
        """Move the due time if nobody else did."""
        ...


class SubscriptionStore(Protocol):
    """The subscriptions, for workers."""

    async def get(self, subscription_id: str) -> Subscription | None:
        """Return a subscription as it is now."""
        ...

    async def matching(self, wanted: Sequence[tuple[str, Sequence[str]]]) -> list[Subscription]:
        """Return the subscriptions of these tenants that have one of the wanted patterns."""
        ...

    async def count_failure(
        self, subscription_id: str, failed_delivery_id: str, *, threshold: int, ended_at: datetime
    ) -> Subscription | None:
        """Count a failure once, unless it was enabled since; return the subscription if this one disabled it."""
        ...

    async def disable(
        self, subscription_id: str, *, reason: DisabledReason, by: str, ended_at: datetime
    ) -> Subscription | None:
        """Disable it, unless it was enabled since; return it if this delivery disabled it."""
        ...


class EventStore(Protocol):
    """The accepted events, for workers."""

    async def dispatched(self, event_ids: Sequence[str]) -> dict[str, bool]:
        """Return for each stored event whether it has been dispatched."""
        ...

    async def record_dispatched(self, stored: Sequence[StoredEvent], *, known: frozenset[str]) -> None:
        """Store events as dispatched."""
        ...

    async def get_many(self, event_ids: Sequence[str]) -> dict[str, StoredEvent]:
        """Return the stored events among these."""
        ...

    async def undispatched(self, *, before: datetime, limit: int) -> list[str]:
        """Return ids of accepted events that were never dispatched, oldest first."""
        ...

    async def give_up(self, event: Event) -> None:
        """Note that this event was dead-lettered."""
        ...
