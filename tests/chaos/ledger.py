"""What was published, who had to get it, and what the receivers saw. Only this is believed when all is over."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass(frozen=True, kw_only=True)
class Hook:
    """A subscription of the run."""

    subscription_id: str
    tenant: str
    behaviour: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that a receiver saw."""

    at: float
    attempt: int
    failing: bool


@dataclass
class Ledger:
    """Grows while the run lasts."""

    hooks: dict[str, Hook] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    """Internal event id → tenant, for each event whose publish was confirmed."""
    requests: dict[tuple[str, str], list[Request]] = field(default_factory=lambda: defaultdict(list))
    """(subscription id, webhook-id) → the requests."""
    successes: list[float] = field(default_factory=list)

    def saw(self, subscription_id: str, webhook_id: str, *, attempt: int, failing: bool) -> None:
        """Note a request."""
        now = time.time()
        self.requests[subscription_id, webhook_id].append(Request(at=now, attempt=attempt, failing=failing))
        if not failing:
            self.successes.append(now)

    def expected(self) -> set[tuple[str, str]]:
        """Return every (subscription, event) that must have come to an end."""
        by_tenant: dict[str, list[str]] = defaultdict(list)
        for hook in self.hooks.values():
            by_tenant[hook.tenant].append(hook.subscription_id)
        return {(hook, event) for event, tenant in self.events.items() for hook in by_tenant[tenant]}

    def longest_gap(self) -> float:
        """Return the longest time (seconds) between two successful requests."""
        times = sorted(self.successes)
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)
