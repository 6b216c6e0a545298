"""A queue at its limit refuses messages: they are published again until it takes them, and that is logged once."""

import asyncio

import aio_pika
import pytest
from pamqp.common import FieldTable
from structlog.testing import capture_logs

from shared.broker import Publisher
from shared.model.routing import Outgoing
from signalpost.amqp import publisher
from tests.support.waiting import eventually

QUEUE, LIMIT, MESSAGES = "small", 5, 30


async def test_what_is_refused_arrives_later_and_is_reported_once(
    vhost_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "REFUSALS_WITHIN", 3600.0)  # the link stays, however slow this machine is
    publishing = Publisher(vhost_url, name="tests", topology=None)
    bodies = {str(number).encode() for number in range(MESSAGES)}
    async with await aio_pika.connect(vhost_url) as connection:
        channel = await connection.channel()
        limited: FieldTable = {"x-max-length": LIMIT, "x-overflow": "reject-publish"}
        queue = await channel.declare_queue(QUEUE, durable=True, arguments=limited)
        with capture_logs() as logs:
            published = asyncio.gather(
                *(publishing.publish(Outgoing(exchange="", routing_key=QUEUE, body=body)) for body in bodies)
            )

            async def refusals() -> list[str]:
                return [line["routing_key"] for line in logs if line["event"] == "broker.publish_refused"]

            await eventually(refusals)
            arrived: set[bytes] = set()

            async def take() -> set[bytes]:
                while (message := await queue.get(no_ack=True, fail=False)) is not None:
                    arrived.add(message.body)
                return arrived

            assert await eventually(take, until=lambda taken: taken == bodies) == bodies
            await published
            assert await refusals() == [QUEUE]
    await publishing.aclose()
