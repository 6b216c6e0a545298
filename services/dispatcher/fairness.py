"""Keeps one tenant's flood of events from delaying the other tenants. Pure: it counts, and moves nothing.

Events arrive in the order of publication, so another tenant's event may stand behind ten thousand of one tenant. Once
the dispatcher is busy and one tenant holds most of its work, further events of that tenant are deferred: that is much
less work than dispatching them, and the others move up.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")

FAIRNESS_THRESHOLD = 300
"""Up to this many events in progress, none is deferred. It must be smaller than the consumer's prefetch, or the flood
would fill that, and larger than one batch, so that the dispatcher always has enough to do."""


class TenantFairness:
    """Counts the events in progress in this process, by tenant."""

    def __init__(self) -> None:
        self._by_tenant: Counter[str] = Counter()
        self._total = 0

    def admit(self, tenant: str) -> bool:
        """Start an event of this tenant; False if the tenant has its share already and others may be waiting."""
        if self._total >= FAIRNESS_THRESHOLD and self._by_tenant[tenant] * 2 > self._total:
            return False
        self._by_tenant[tenant] += 1
        self._total += 1
        return True

    def release(self, tenant: str) -> None:
        """Finish an event that was admitted."""
        self._by_tenant[tenant] -= 1
        self._total -= 1
        if not self._by_tenant[tenant]:
            del self._by_tenant[tenant]


def fair_order(items: Sequence[Item], *, since: Callable[[Item], float], cost: Callable[[Item], int]) -> list[Item]:
    """Return the order in which to handle items when there may not be time for all of them.

    Cheapest first, but the oldest always goes first, so nothing starves.
    """
    oldest = min(items, key=since, default=None)
    return sorted(items, key=lambda item: (item is not oldest, cost(item)))
