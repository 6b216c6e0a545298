"""A virtual host of a test alone, with what it takes to see which events are on its queue and to limit its users."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from deploy.local.rabbitmq import RabbitMQ
from deploy.local.run_directory import RunDirectory
from shared.broker import Publisher
from shared.model.topology import EVENTS_TO_DISPATCH, Topology, topology


@asynccontextmanager
async def own_node(kind: str) -> AsyncIterator[RabbitMQ]:
    """Run a RabbitMQ node that no other test uses."""
    directory = RunDirectory.create(kind)
    node = RabbitMQ(directory)
    try:
        await node.start()
        yield node
    finally:
        await node.close()
        directory.delete()


@dataclass(frozen=True)
class VirtualHost:
    """A virtual host without anything in it, until `declare`."""

    broker: RabbitMQ
    name: str

    @property
    def url(self) -> str:
        """For a user with all rights."""
        return self.broker.amqp_url(self.name)

    async def declare(self, what: Topology | None = None) -> None:
        """Declare the topology, or a part of it."""
        publisher = Publisher(self.url, name="declares", topology=what or topology())
        await publisher.connect()
        await publisher.aclose()

    async def take(self) -> list[dict[str, Any]]:
        """Take all messages off the queue of events, oldest first, as the management API shows them."""
        path = f"/api/queues/{self.name}/{EVENTS_TO_DISPATCH}/get"
        wanted = {"count": 5000, "ackmode": "ack_requeue_false", "encoding": "auto"}
        return list(await self.broker.management("POST", path, wanted))

    async def take_ids(self) -> list[str]:
        """Take all messages off the queue of events; the ids that their producers gave them, oldest first."""
        return [json.loads(message["payload"])["id"] for message in await self.take()]

    async def user(self, *, write: str, topics: str | None = None) -> str:
        """The URL for a new user who may write to exchanges that match, and there to topics that match."""
        name, password = f"producer-{uuid4().hex[:8]}", secrets.token_hex(8)
        await self.broker.management("PUT", f"/api/users/{name}", {"password": password, "tags": ""})
        rights = {"configure": "^$", "write": write, "read": "^$"}
        await self.broker.management("PUT", f"/api/permissions/{self.name}/{name}", rights)
        if topics is not None:
            limits = {"exchange": "events", "write": topics, "read": "^$"}
            await self.broker.management("PUT", f"/api/topic-permissions/{self.name}/{name}", limits)
        return f"amqp://{name}:{password}@127.0.0.1:{self.broker.port('amqp')}/{self.name}"
