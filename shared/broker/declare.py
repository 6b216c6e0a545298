"""Applies the topology to a broker; every declaration may be repeated at any time by any process."""

from aio_pika.abc import AbstractChannel

from shared.topology import Topology


async def declare(channel: AbstractChannel, topology: Topology) -> None:
    """Declare exchanges, queues and bindings, in that order.

    Raises:
        aio_pika.exceptions.ChannelPreconditionFailed: one exists with other properties; its text names it.
    """
    raw = await channel.get_underlay_channel()
    for exchange in topology.exchanges:
        await raw.exchange_declare(exchange.name, exchange_type=exchange.type, durable=True)
    for queue in topology.queues:
        await raw.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
    for binding in topology.bindings:
        await raw.queue_bind(
            binding.queue, binding.exchange, routing_key=binding.routing_key, arguments=dict(binding.arguments)
        )
