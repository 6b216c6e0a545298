"""A publisher that keeps what it is given, and can be told to be away or to refuse."""

from collections import Counter
from collections.abc import Sequence

from shared.broker import BrokerUnavailable, Unroutable
from shared.model.routing import Outgoing


class MemoryPublisher:
    """Stands for `shared.broker.Publisher`, with bindings for the routing keys in `routes`; None: for all."""

    def __init__(self, routes: set[tuple[str, str]] | None = None) -> None:
        self._routes = routes
        self.published: list[Outgoing] = []
        self.waiting: Counter[str] = Counter()
        """How many messages wait in each queue, as `message_count` says."""
        self.is_away = False

    @property
    def is_ready(self) -> bool:
        """Whether a publish is likely to be confirmed now."""
        return not self.is_away

    async def connect(self) -> None:
        """Connect; raises BrokerUnavailable while it is away."""
        self._raise_if_away()

    async def publish(self, message: Outgoing) -> None:
        """Keep one message.

        Raises:
            BrokerUnavailable: it is away. (The real one waits until it is back.)
            Unroutable: no queue is bound for it.
        """
        self._raise_if_away()
        if self._routes is not None and (message.exchange, message.routing_key) not in self._routes:
            raise Unroutable(f"no queue is bound to {message.exchange!r} for {message.routing_key!r}")
        self.published.append(message)

    async def publish_all(self, messages: Sequence[Outgoing]) -> None:
        """Keep many messages."""
        for message in messages:
            await self.publish(message)

    async def message_count(self, queue: str) -> int:
        """Return how many messages of a queue wait; raises BrokerUnavailable."""
        self._raise_if_away()
        return self.waiting[queue]

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""

    def _raise_if_away(self) -> None:
        if self.is_away:
            raise BrokerUnavailable("the broker is away")
