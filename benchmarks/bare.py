"""The parts by themselves, in a process of their own: what no program built from them can beat.

`python -m benchmarks.bare post|consume|publish` prints one line of JSON: operations, wall and CPU seconds, measured
inside and without the start. The same libraries, event loop, body and concurrency as the services, nothing else.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import cast

import aio_pika
import aiohttp
import uvloop
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp.commands import Basic

from benchmarks.system import certificate_event
from shared.delivery.routes import event_message
from shared.messages import webhook_body

CONCURRENCY = 128
"""Requests or confirms awaited at once."""
PREFETCH = 500
QUEUE = "bare"


async def post(url: str, operations: int) -> None:
    """Post the same body again and again over kept-alive connections."""
    body = webhook_body(certificate_event(1, tenant="bare"))
    headers = {"Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one() -> None:
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()

        await _in_parallel(one, operations)


async def publish(url: str, operations: int) -> None:
    """Publish persistent messages to the work queue's kind of queue and wait for each confirm."""
    message = event_message(certificate_event(1, tenant="bare"))
    connection = await aio_pika.connect(url)
    async with connection:
        channel = cast("Channel", await (await connection.channel(publisher_confirms=True)).get_underlay_channel())
        await channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        properties = Basic.Properties(content_type=message.content_type, delivery_mode=2)

        async def one() -> None:
            await channel.basic_publish(
                message.body, exchange="", routing_key=QUEUE, properties=properties, wait=False
            )

        await _in_parallel(one, operations)


async def consume(url: str, operations: int) -> None:
    """Take messages from the queue that `publish` filled and ack each one."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await (await connection.channel(publisher_confirms=False)).get_underlay_channel()
        done = asyncio.get_running_loop().create_future()
        left = operations

        async def take(message: DeliveredMessage) -> None:
            nonlocal left
            assert message.delivery_tag is not None
            await channel.basic_ack(message.delivery_tag, wait=False)
            left -= 1
            if left == 0:
                done.set_result(None)

        await channel.basic_qos(prefetch_count=PREFETCH)
        await channel.basic_consume(QUEUE, take)
        await done


async def _in_parallel(one: Callable[[], Awaitable[None]], operations: int) -> None:
    left = operations

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await one()

    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))


def main() -> None:
    """Run one of the parts and print what it took."""
    parts = {"post": post, "publish": publish, "consume": consume}
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=parts)
    parser.add_argument("url")
    parser.add_argument("operations", type=int)
    arguments = parser.parse_args()
    started, used = time.monotonic(), time.process_time()
    uvloop.run(parts[arguments.part](arguments.url, arguments.operations))
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - used
    print(json.dumps({"operations": arguments.operations, "seconds": seconds, "cpu_seconds": cpu_seconds}))


if __name__ == "__main__":
    main()
