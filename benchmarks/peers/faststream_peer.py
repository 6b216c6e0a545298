"""FastStream + aiohttp + one read and one write for each delivery: how an asyncio team builds it.

`python -m benchmarks.peers.faststream_peer URL COUNT` fills its queue; its workers are FastStream's own:
`python -m faststream run benchmarks.peers.faststream_peer:app --workers 2`.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from fast_depends.msgspec import MsgSpecSerializer
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue
from pymongo import AsyncMongoClient

from benchmarks.peers.rows import AMQP_URL, DATABASE, MONGODB_URL, QUEUE, TIMEOUT, DeliveryTask, outcome, seed
from benchmarks.peers.rows import signed_headers as headers_of

PREFETCH = 500
"""As ours: the number of messages that FastStream handles concurrently."""

broker = RabbitBroker(
    AMQP_URL or None,
    default_channel=Channel(prefetch_count=PREFETCH),
    serializer=MsgSpecSerializer(use_fastdepends_errors=False),  # "Serialization": faster than pydantic, the default
    logger=None,
)
queue = RabbitQueue(QUEUE, queue_type=QueueType.QUORUM, durable=True)


@asynccontextmanager
async def connections() -> AsyncIterator[None]:
    """One HTTP session and one database client for the life of the process ("Lifespan")."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(MONGODB_URL, w="majority")
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    async with client, aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        app.context.set_global("rows", client[DATABASE])
        app.context.set_global("session", session)
        yield


app = FastStream(broker, lifespan=connections, logger=None)


@broker.subscriber(queue, ack_policy=AckPolicy.NACK_ON_ERROR)  # acked once this has returned
async def deliver(task: DeliveryTask) -> None:
    """Make one delivery and record it."""
    rows, session = app.context.get("rows"), app.context.get("session")
    subscription = await rows.subscriptions.find_one({"_id": task.subscription_id})
    if subscription is None or not subscription["enabled"]:
        return
    began = time.monotonic()
    headers = headers_of(task, subscription["secret"])
    async with session.post(subscription["url"], data=task.body.encode(), headers=headers) as answer:
        await answer.read()
    await rows.deliveries.update_one({"_id": task.delivery_id}, outcome(answer.status, began))


async def fill(receiver: str, count: int) -> None:
    """Publish the tasks, persistent and confirmed, a few hundred at a time."""
    tasks = seed(receiver, count)
    async with broker:
        await broker.declare_queue(queue)
        for start in range(0, count, PREFETCH):
            batch = tasks[start : start + PREFETCH]
            await asyncio.gather(*(broker.publish(task, queue, persist=True) for task in batch))
    print(json.dumps({"published": count}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("receiver")
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    asyncio.run(fill(arguments.receiver, arguments.count))
