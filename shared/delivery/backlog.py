"""Measures what waits: the oldest delivery that is due, and how many messages lie in each queue."""

from shared.broker import Publisher
from shared.clock import utc_now
from shared.storage import Deliveries
from shared.telemetry.metrics import OLDEST_PENDING, QUEUE_MESSAGES
from shared.topology import CHANNELS, topology


async def observe_backlog(publisher: Publisher, deliveries: Deliveries) -> None:
    """Look once, and set the gauges.

    Raises:
        BrokerUnavailable: the broker can't say how full its queues are.
    """
    for channel in CHANNELS:
        now = utc_now()
        oldest = await deliveries.due(channel=channel, before=now, limit=1)
        waited = (now - oldest[0].due_at).total_seconds() if oldest and oldest[0].due_at else 0.0
        OLDEST_PENDING.labels(channel).set(waited)
    for queue in topology().queues:
        QUEUE_MESSAGES.labels(queue.name).set(await publisher.message_count(queue.name))
