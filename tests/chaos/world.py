"""The world of a chaos run: servers, services, receivers, subscriptions, and a steady load of events."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from aiohttp import web

from deploy.local.stack import Stack
from shared.model.identity import event_id
from shared.model.subscription import Subscription
from shared.process.clock import utc_now
from shared.secrets.keyring import Keyring
from shared.storage import Subscriptions
from tests.chaos.behaviours import ANSWER_WITHIN, BEHAVIOURS, BY_NAME, fails, respond
from tests.chaos.ledger import Hook, Ledger
from tests.support.http_server import http_server
from tests.support.system import MASTER_KEYS, System, event, running_system
from tests.support.waiting import eventually

TENANTS = 10  # so many that no receiver fails a thousand times, which would disable its webhook
SETTINGS = {
    "NOTIFICATION_HTTP_TIMEOUT": f"{ANSWER_WITHIN:g}s",
    "NOTIFICATION_RETRY_SCHEDULE": "1s,1s,2s,5s",
    "NOTIFICATION_RECONCILE_AFTER": "12s",
    "NOTIFICATION_AUTO_DISABLE_AFTER": "1000",
    "NOTIFICATION_SMTP_TIMEOUT": "3s",
}
LARGE = 100_000
"""Bytes of an event that is published while a server is frozen."""
INSTANCES = {"api": 1, "dispatcher": 2, "webhook": 2, "mailer": 1}


class World:
    """Everything that a run needs."""

    def __init__(self, system: System, ledger: Ledger, seed: int) -> None:
        self.system, self.ledger = system, ledger
        self.random = random.Random(seed)
        self.publishing = asyncio.Event()
        self.publishing.set()
        self._number = 0
        self._padding = ""

    @contextlib.contextmanager
    def large_bodies(self) -> Iterator[None]:
        """Publish events in the block that fill the sockets of whoever is frozen meanwhile."""
        self._padding = "x" * LARGE
        try:
            yield
        finally:
            self._padding = ""

    @property
    def service_names(self) -> list[str]:
        """The names of all service processes."""
        return [
            name if number == 1 else f"{name}-{number}"
            for name, count in INSTANCES.items()
            for number in range(1, count + 1)
        ]

    async def publish_at(self, rate: float, total: int) -> None:
        """Publish so many events at about this rate (per second); a pause in between is allowed."""
        pending: set[asyncio.Task[None]] = set()
        for _ in range(total):
            await self.publishing.wait()
            task = asyncio.create_task(self._publish_one())
            pending.add(task)
            task.add_done_callback(pending.discard)
            await asyncio.sleep(self.random.expovariate(rate))
        await asyncio.gather(*pending)

    async def quiesce_dispatch(self) -> None:
        """Stop publishing and wait until all that was confirmed is dispatched; only then may a broker lose it."""
        self.publishing.clear()
        await eventually(self._all_dispatched, within=120)

    async def _all_dispatched(self) -> bool:
        query = {"type": "certificate.issued"}
        return await self.system.database.events.count_documents(query) >= len(self.ledger.events)

    async def _publish_one(self) -> None:
        self._number += 1
        tenant = f"chaos_{self._number % TENANTS}"
        identity = f"event-{self._number}"
        data: dict[str, Any] = {"certificate_id": identity, "n": self._number, "padding": self._padding}
        envelope = event("certificate.issued", data, tenant=tenant, id=identity)
        await self.system.publish(envelope)
        self.ledger.events[event_id(tenant_id=tenant, source=envelope["source"], source_id=identity)] = tenant


@asynccontextmanager
async def world(stack: Stack, seed: int) -> AsyncIterator[World]:
    """Start services and receivers beside a stack, with one subscription of each behaviour for each tenant."""
    ledger = Ledger()
    async with receivers(ledger) as url, running_system(stack, services=(), **SETTINGS) as system:
        for name, count in INSTANCES.items():
            await system.services.start(name, count=count)
        await _subscribe(system, ledger, url)
        yield World(system, ledger, seed)


async def _subscribe(system: System, ledger: Ledger, url: str) -> None:
    subscriptions = Subscriptions(system.database)
    keyring = Keyring.parse(MASTER_KEYS)
    now = utc_now()
    for number in range(TENANTS):
        tenant = f"chaos_{number}"
        common = {"tenant_id": tenant, "events": ("certificate.*",), "subject": None, "enabled": True}
        for behaviour in BEHAVIOURS:
            webhook_id = f"wh_{tenant}_{behaviour.name}"
            secret, _ = keyring.create(webhook_id)
            await subscriptions.add(
                Subscription(
                    id=webhook_id,
                    channel="webhook",
                    url=f"{url}/{behaviour.name}/{webhook_id}",
                    secret=secret,
                    created_at=now,
                    updated_at=now,
                    **common,  # type: ignore[arg-type]
                )
            )
            ledger.hooks[webhook_id] = Hook(subscription_id=webhook_id, tenant=tenant, behaviour=behaviour.name)
        mail_id = f"es_{tenant}"
        await subscriptions.add(
            Subscription(
                id=mail_id,
                channel="email",
                address=f"{tenant}@example.com",
                created_at=now,
                updated_at=now,
                **common,  # type: ignore[arg-type]
            )
        )
        ledger.hooks[mail_id] = Hook(subscription_id=mail_id, tenant=tenant, behaviour="mail")


def receivers(ledger: Ledger) -> AbstractAsyncContextManager[str]:
    """Serve all receivers of the run on one port, whose address the block is given."""

    async def hook(request: web.Request) -> web.StreamResponse:
        behaviour = BY_NAME[request.match_info["behaviour"]]
        await request.read()
        webhook_id = request.headers["webhook-id"]
        attempt = int(request.headers["X-Delivery-Attempt"])
        failing = fails(behaviour, webhook_id, attempt)
        ledger.saw(request.match_info["subscription"], webhook_id, attempt=attempt, failing=failing)
        with contextlib.suppress(ConnectionError):
            return await respond(behaviour, request, failing=failing)
        return web.Response()

    app = web.Application()
    app.router.add_post("/{behaviour}/{subscription}", hook)
    return http_server(app)
