"""One Signalpost to measure: a virtual host and a database of its own, service processes, subscriptions, events.

Every repeat of a scenario gets a new one, so that nothing of the repeat before is in its queues and collections.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from benchmarks.meter import Meter
from deploy.local.process import wait_until
from deploy.local.services import WORKER, Service, Services
from deploy.local.stack import Stack
from shared.broker import Publisher
from shared.model.event import Event, rfc3339
from shared.model.reasons import DeliveryState
from shared.model.routing import event_message
from shared.model.subscription import Subscription
from shared.model.topology import topology
from shared.process.clock import utc_now
from shared.secrets.keyring import Keyring
from shared.storage import Database, Subscriptions

MASTER_KEYS = "bench:dGhlIG1hc3RlciBrZXkgb2YgdGhlIGJlbmNobWFya3Mu"
SETTINGS = {
    "ENVIRONMENT": "development",
    "SECURITY_OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
    "SECRETS_MASTER_KEYS": MASTER_KEYS,
}
PUBLISH_AT_ONCE = 500


@dataclass(frozen=True)
class System:
    """A running system; `services` is empty until something is started."""

    stack: Stack
    environment: dict[str, str]
    services: Services
    database: Database
    publisher: Publisher

    async def start(self, command: str, *, count: int = 1, **environment: str) -> list[Service]:
        """Start service processes (`worker <command>`) and return when all are ready."""
        return await self.services.start(command, count=count, environment=environment)

    async def subscribe(
        self, url: str, *, tenants: Sequence[str], each: int = 1, events: tuple[str, ...] = ("*",)
    ) -> list[Subscription]:
        """Store `each` webhooks for each tenant, straight into the database; their paths below `url` differ."""
        keyring, now = Keyring.parse(MASTER_KEYS), utc_now()
        subscriptions = Subscriptions(self.database)
        added = []
        for tenant in tenants:
            for number in range(each):
                webhook_id = f"wh_{tenant}_{number}"
                secret, _ = keyring.create(webhook_id)
                added.append(
                    Subscription(
                        id=webhook_id,
                        tenant_id=tenant,
                        channel="webhook",
                        events=events,
                        subject=None,
                        enabled=True,
                        created_at=now,
                        updated_at=now,
                        url=f"{url}/{webhook_id}",
                        secret=secret,
                    )
                )
        await asyncio.gather(*(subscriptions.add(subscription) for subscription in added))
        return added

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish events to the exchange `events`, confirmed, a few hundred at a time."""
        for start in range(0, len(events), PUBLISH_AT_ONCE):
            batch = events[start : start + PUBLISH_AT_ONCE]
            await asyncio.gather(*(self.publisher.publish(event_message(event)) for event in batch))

    async def waiting(self, queue: str) -> int:
        """Return how many messages of a queue wait to be handed out."""
        return await self.publisher.message_count(queue)

    async def delivered(self) -> int:
        """Return how many deliveries are recorded as delivered (a scan: not while something is measured)."""
        return await self.database.deliveries.count_documents({"state": DeliveryState.DELIVERED.value})

    async def settled(self, deliveries: int, *, within: float = 60.0) -> None:
        """Wait until this many deliveries are recorded as delivered, and check that there are no others."""

        async def done() -> bool:
            return await self.delivered() >= deliveries

        await wait_until(done, within=within, what=f"{deliveries} deliveries are recorded", step=0.2)
        assert await self.database.deliveries.count_documents({}) == deliveries

    def meter(self, **others: int | list[int]) -> Meter:
        """Return a meter for all service processes started so far, RabbitMQ, MongoDB and `others` (name=pids)."""
        pids: dict[str, list[int]] = {}
        for service in self.services.running():
            pids.setdefault(service.name.partition("-")[0], []).append(service.pid)
        assert self.stack.rabbitmq is not None
        assert self.stack.mongodb is not None
        return Meter({**pids, "rabbitmq": self.stack.rabbitmq.pid, "mongodb": self.stack.mongodb.pid, **others})


def certificate_event(number: int, *, tenant: str) -> Event:
    """Return one event of about 200 bytes of data, as the wipe backend publishes them."""
    now = utc_now()
    data = b'{"certificate_id":"cert_%d","device":{"serial":"5CD2","model":"T14"},"method":"nist-800-88"}' % number
    return Event(
        tenant_id=tenant,
        source="/wipe/backend",
        source_id=f"{number}-{uuid4().hex[:8]}",
        type="certificate.issued",
        time=now,
        time_text=rfc3339(now),
        subject=f"certificates/cert_{number}",
        data=data,
        traceparent=None,
    )


@asynccontextmanager
async def new_system(
    stack: Stack, settings: Mapping[str, str], program: Sequence[str] = WORKER
) -> AsyncIterator[System]:
    """Make a virtual host and a database, and remove both with all processes afterwards."""
    assert stack.rabbitmq is not None
    name = f"bench-{uuid4().hex[:8]}"
    amqp_url = await stack.rabbitmq.create_vhost(name)
    environment = {**stack.environment(), **SETTINGS, "AMQP_URL": amqp_url, "MONGODB_DATABASE": name, **settings}
    database = Database(environment["MONGODB_URL"], name, app="bench")
    publisher = Publisher(amqp_url, name="bench", topology=topology())
    try:
        await database.ensure_indexes(30)
        await publisher.connect()
        async with Services(stack.directory, environment, program=program) as services:
            yield System(stack, environment, services, database, publisher)
    finally:
        await publisher.aclose()
        await database.deliveries.database.client.drop_database(name)
        await database.aclose()
        await stack.rabbitmq.delete_vhost(name)
