"""Applies the topology to a broker; every declaration may be repeated at any time by any process."""

from collections.abc import Coroutine, Iterator
from typing import Any

from aiormq.abc import AbstractChannel

from shared.model.topology import Topology


def declare(channel: AbstractChannel, topology: Topology) -> Iterator[Coroutine[Any, Any, object]]:
    """Return what to ask of the broker, one after the other: exchanges, queues, then bindings.

    One that exists with other properties fails with ChannelPreconditionFailed, whose text names it.
    """
    for exchange in topology.exchanges:
        yield channel.exchange_declare(exchange.name, exchange_type=exchange.type, durable=True)
    for queue in topology.queues:
        yield channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
    for binding in topology.bindings:
        yield channel.queue_bind(
            binding.queue, binding.exchange, routing_key=binding.routing_key, arguments=dict(binding.arguments)
        )
