"""The least that brings an event to a receiver: one queue, one POST, one ack. `python -m benchmarks.bare_pipeline`.

Nothing is matched, signed or stored. It stands beside Signalpost in the latency scenario, in the same run.
"""

import asyncio
import sys

import aio_pika
import aiohttp
import uvloop
from aiormq.abc import DeliveredMessage

from benchmarks.bare import PREFETCH, QUEUE


async def forward(amqp_url: str, receiver: str) -> None:
    """Post whatever comes into the queue, and ack it when the receiver has answered; until ended."""
    connection = await aio_pika.connect(amqp_url)
    async with connection, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        channel = await (await connection.channel(publisher_confirms=False)).get_underlay_channel()
        await channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})

        async def take(message: DeliveredMessage) -> None:
            headers = {"Content-Type": "application/json"}
            async with session.post(receiver, data=message.body, headers=headers) as answer:
                await answer.read()
            assert message.delivery_tag is not None
            await channel.basic_ack(message.delivery_tag, wait=False)

        await channel.basic_qos(prefetch_count=PREFETCH)
        await channel.basic_consume(QUEUE, take)
        print("consuming")
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(forward(*sys.argv[1:]))
