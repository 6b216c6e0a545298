"""Subscriptions in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from shared.model.reasons import DisabledReason
from shared.model.subscription import Subscription


class MemorySubscriptions:
    """Stands for `shared.storage.Subscriptions`."""

    def __init__(self) -> None:
        self._failing: dict[str, set[str]] = {}
        self._disabled_by: dict[str, str] = {}
        self.by_id: dict[str, Subscription] = {}

    async def add(self, subscription: Subscription) -> None:
        """Store a new subscription."""
        self.by_id[subscription.id] = subscription

    async def get(self, subscription_id: str) -> Subscription | None:
        """Return a subscription as it is now."""
        return self.by_id.get(subscription_id)

    async def matching(self, wanted: Sequence[tuple[str, Sequence[str]]]) -> list[Subscription]:
        """Return the subscriptions of these tenants that have one of the wanted patterns."""
        return [
            subscription
            for subscription in self.by_id.values()
            if any(
                subscription.tenant_id == tenant and set(subscription.events) & set(patterns)
                for tenant, patterns in wanted
            )
        ]

    async def count_failure(
        self, subscription_id: str, failed_delivery_id: str, *, threshold: int, ended_at: datetime
    ) -> Subscription | None:
        """Count a failure once, unless it was enabled since; return the subscription if this one disabled it."""
        subscription = self.by_id.get(subscription_id)
        if subscription is None:
            return None
        failing = self._failing.setdefault(subscription_id, set())
        if not _enabled_since(subscription, ended_at):
            failing.add(failed_delivery_id)
        self.by_id[subscription_id] = replace(subscription, consecutive_failures=len(failing))
        if not subscription.enabled or len(failing) < threshold:
            return self._if_disabled_by(subscription_id, failed_delivery_id)
        return self._disable(subscription_id, DisabledReason.CONSECUTIVE_FAILURES, failed_delivery_id)

    async def disable(
        self, subscription_id: str, *, reason: DisabledReason, by: str, ended_at: datetime
    ) -> Subscription | None:
        """Disable it, unless it was enabled since; return it if this delivery disabled it, now or before."""
        subscription = self.by_id.get(subscription_id)
        if subscription is None or _enabled_since(subscription, ended_at):
            return None
        if not subscription.enabled:
            return self._if_disabled_by(subscription_id, by)
        return self._disable(subscription_id, reason, by)

    async def forget_failures(self, subscription_ids: Sequence[str]) -> None:
        """Set the failure counters back after a delivered one."""
        for subscription_id in subscription_ids:
            self._failing.pop(subscription_id, None)
            if subscription_id in self.by_id:
                self.by_id[subscription_id] = replace(self.by_id[subscription_id], consecutive_failures=0)

    def _disable(self, subscription_id: str, reason: DisabledReason, by: str) -> Subscription:
        disabled = replace(
            self.by_id[subscription_id],
            enabled=False,
            disabled_reason=reason.value,
            disabled_at=datetime.now(UTC),
        )
        self.by_id[subscription_id] = disabled
        self._disabled_by[subscription_id] = by
        return disabled

    def _if_disabled_by(self, subscription_id: str, delivery_id: str) -> Subscription | None:
        subscription = self.by_id[subscription_id]
        was_it = not subscription.enabled and self._disabled_by.get(subscription_id) == delivery_id
        return subscription if was_it else None


def _enabled_since(subscription: Subscription, time: datetime) -> bool:
    return subscription.enabled_at is not None and subscription.enabled_at > time
