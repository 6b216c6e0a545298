"""Deliveries in memory, changed by the same conditions as in the database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.model.delivery import Delivery, Transition
from shared.model.reasons import UNFINISHED
from shared.storage.deliveries import MAX_ATTEMPTS
from shared.testing.subscriptions import MemorySubscriptions


class MemoryDeliveries:
    """Stands for `shared.storage.Deliveries`."""

    def __init__(self, subscriptions: MemorySubscriptions) -> None:
        self._subscriptions = subscriptions
        self._tokens: dict[str, str] = {}
        self.by_id: dict[str, Delivery] = {}

    async def add(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Store new deliveries; return those that were there already."""
        present = [self.by_id[delivery.id] for delivery in deliveries if delivery.id in self.by_id]
        for delivery in deliveries:
            self.by_id.setdefault(delivery.id, delivery)
        return present

    async def get(self, delivery_id: str) -> Delivery | None:
        """Return a delivery as it is now."""
        return self.by_id.get(delivery_id)

    async def record(self, transition: Transition) -> bool:
        """Record a change; False if the delivery has moved on or is gone. Repeating one records it once."""
        if self._tokens.get(transition.delivery_id) == transition.token:
            return True
        delivery = self.by_id.get(transition.delivery_id)
        if (
            delivery is None
            or delivery.state not in UNFINISHED
            or delivery.attempts_made != transition.attempts_made_before
        ):
            return False
        attempts, made = delivery.attempts, delivery.attempts_made
        if transition.attempt is not None:
            attempts, made = (*attempts, transition.attempt)[-MAX_ATTEMPTS:], made + 1
        self.by_id[delivery.id] = replace(
            delivery,
            state=transition.state,
            updated_at=transition.at,
            reason=transition.reason,
            detail=transition.detail,
            due_at=transition.due_at,
            attempts=attempts,
            attempts_made=made,
        )
        self._tokens[delivery.id] = transition.token
        if transition.resets_failures:
            await self._subscriptions.forget_failures([transition.resets_failures])
        return True

    async def defer(self, delivery_id: str, due_at: datetime) -> None:
        """Move an unfinished delivery's due time to later, never to sooner."""
        delivery = self.by_id.get(delivery_id)
        if delivery is not None and delivery.state in UNFINISHED:
            later = due_at if delivery.due_at is None else max(delivery.due_at, due_at)
            self.by_id[delivery_id] = replace(delivery, due_at=later)

    async def clear_due(self, delivery_id: str) -> None:
        """Clear a finished delivery's due time."""
        delivery = self.by_id.get(delivery_id)
        if delivery is not None and delivery.state not in UNFINISHED:
            self.by_id[delivery_id] = replace(delivery, due_at=None)

    async def remove(self, delivery_id: str) -> None:
        """Remove a delivery."""
        self.by_id.pop(delivery_id, None)

    async def due(self, *, channel: str, before: datetime, limit: int) -> list[Delivery]:
        """Return deliveries that were due before a time, oldest first."""
        owed = [
            (delivery.due_at, delivery)
            for delivery in self.by_id.values()
            if delivery.channel == channel and delivery.due_at is not None and delivery.due_at < before
        ]
        return [delivery for _, delivery in sorted(owed, key=lambda item: item[0])[:limit]]

    async def claim(self, delivery: Delivery, *, due_at: datetime) -> bool:
        """Move the due time if nobody else did."""
        now = self.by_id.get(delivery.id)
        if now is None or (now.due_at, now.attempts_made) != (delivery.due_at, delivery.attempts_made):
            return False
        self.by_id[delivery.id] = replace(now, due_at=due_at)
        return True
