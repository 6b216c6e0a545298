"""Keeps one tenant's flood from standing in the way of everybody else's events. Pure: counts, and moves nothing.

Events come in the order in which they were published, so behind ten thousand events of one tenant stands the next
event of another. As soon as the dispatcher has more than it can do at once and most of it is one tenant's, further
events of that tenant are set aside, which is much less work than dispatching them, and the others move up.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")

CALM = 300
"""Events under way up to which nobody is set aside: fewer than the window that the consumer has open, or the flood
would fill it, and more than one batch, so that the dispatcher always has enough to do."""


class Shares:
    """How many events of each tenant are under way in this process."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()
        self._under_way = 0

    def take(self, tenant: str) -> bool:
        """Begin with an event of this tenant; False if the tenant has its share already and others may be waiting."""
        if self._under_way >= CALM and self._held[tenant] * 2 > self._under_way:
            return False
        self._held[tenant] += 1
        self._under_way += 1
        return True

    def give_back(self, tenant: str) -> None:
        """End with an event that was taken."""
        self._held[tenant] -= 1
        self._under_way -= 1
        if not self._held[tenant]:
            del self._held[tenant]


def in_turn(items: Sequence[Item], *, since: Callable[[Item], int], cost: Callable[[Item], int]) -> list[Item]:
    """Return in which order to do things when there may not be time for all of them.

    The cheap ones come first, so that they don't wait for the dear ones; but the one that has waited for longest
    comes before them, so that nothing waits for ever.
    """
    oldest = min(items, key=since, default=None)
    return sorted(items, key=lambda item: (item is not oldest, cost(item)))
