"""The bare parts, in a process of their own: no program built from them can be faster.

`python -m benchmarks.bare post|consume|consume-raw|publish` prints one line of JSON: operations, wall and CPU
seconds, measured inside and without the start. The same libraries, event loop, messages, requests and concurrency as
the services, nothing else. `consume` is aio-pika as its documentation has it, `consume-raw` the layer below, which
the services use.
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
from aio_pika.abc import AbstractIncomingMessage
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp.commands import Basic

from benchmarks.system import MASTER_KEYS, certificate_event
from services.webhook.request import request_headers
from shared.model.event import webhook_body
from shared.model.identity import delivery_id
from shared.model.routing import task_message
from shared.model.subscription import Origin
from shared.model.task import Task
from shared.model.topology import WEBHOOK
from shared.process.clock import now_ms
from shared.secrets.keyring import Keyring
from signalpost.traceparent import traceparent_or_new

CONCURRENCY = 128
"""Requests or confirms awaited concurrently."""
PREFETCH = 500
QUEUE = "bare"
_, SECRET = Keyring.parse(MASTER_KEYS).create("wh_org_1_0")


def task() -> Task:
    """Return a task as the dispatcher makes it."""
    event = certificate_event(1, tenant="org_1")
    return Task(
        channel=WEBHOOK,
        delivery_id=delivery_id(event_id=event.id, target="wh_org_1_0"),
        event_id=event.id,
        event_type=event.type,
        tenant_id=event.tenant_id,
        subscription_id="wh_org_1_0",
        attempt=1,
        not_before=now_ms(),
        traceparent=traceparent_or_new(None),
        body=webhook_body(event),
        accepted_at=now_ms(),
    )


async def post(url: str, operations: int) -> None:
    """Post the same body again and again over kept-alive connections."""
    sent = task()
    headers = request_headers(
        sent,
        attempt=1,
        timestamp=int(time.time()),
        origin=Origin.API,
        traceparent=sent.traceparent,
        secrets=[SECRET],
        custom={},
    )
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one() -> None:
            async with session.post(url, data=sent.body, headers=headers) as answer:
                await answer.read()

        await _in_parallel(one, operations)


async def publish(url: str, operations: int) -> None:
    """Publish persistent messages to the work queue's kind of queue and wait for each confirm."""
    message = task_message(task(), now_ms=now_ms())
    connection = await aio_pika.connect(url)
    async with connection:
        channel = cast("Channel", await (await connection.channel(publisher_confirms=True)).get_underlay_channel())
        await channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        properties = Basic.Properties(
            content_type=message.content_type, delivery_mode=2, headers=dict(message.headers)
        )

        async def one() -> None:
            await channel.basic_publish(
                message.body, exchange="", routing_key=QUEUE, properties=properties, wait=False
            )

        await _in_parallel(one, operations)


async def consume(url: str, operations: int) -> None:
    """Take messages from the queue that `publish` filled and ack each one, by aio-pika."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel(publisher_confirms=False)
        done = asyncio.get_running_loop().create_future()
        left = operations

        async def take(message: AbstractIncomingMessage) -> None:
            nonlocal left
            await message.ack()
            left -= 1
            if left == 0:
                done.set_result(None)

        await channel.set_qos(prefetch_count=PREFETCH)
        await (await channel.get_queue(QUEUE)).consume(take)
        await done


async def consume_raw(url: str, operations: int) -> None:
    """The same by aiormq, on which aio-pika stands."""
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
    parts = {"post": post, "publish": publish, "consume": consume, "consume-raw": consume_raw}
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
