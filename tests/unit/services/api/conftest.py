"""The API's context with stand-ins in the place of broker and database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import pytest
from pydantic import SecretStr

from services.api.http.context import ApiContext
from services.api.settings import ApiSettings
from shared.model.delivery import Delivery, LoggedDelivery
from shared.model.event import StoredEvent
from shared.model.subscription import Subscription
from shared.storage.tenant.idempotency import KeyUse
from shared.testing.context import Memory
from tests.support.system import JWT_SECRET, MASTER_KEYS


@dataclass
class TenantRecords:
    """What the API's tenant stores would find, for one tenant; the same object stands for each of them."""

    memory: Memory
    webhooks: dict[str, Subscription] = field(default_factory=dict)
    logged: dict[str, LoggedDelivery] = field(default_factory=dict)
    keys: dict[str, KeyUse] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    most: int = 0
    """How many objects there are already, as limits see it."""

    async def get(self, first: object, second: str) -> Any:
        """A webhook by scope, an event or a delivery by tenant."""
        return self.webhooks.get(second) or self.logged.get(second) or self.memory.events.by_id.get(second)

    async def count(self, *_: object) -> int:
        return self.most

    async def page(self, *_: object, **__: object) -> list[LoggedDelivery]:
        return list(self.logged.values())

    async def last_attempt(self, delivery: Delivery) -> None:
        return None

    async def get_many(self, tenant_id: str, event_ids: list[str]) -> dict[str, StoredEvent]:
        return await self.memory.events.get_many(event_ids)

    async def requeue(self, tenant_id: str, ids: list[str], **_: object) -> list[Delivery]:
        return [self.logged[one].delivery for one in ids]

    async def claim(self, first: Any, *rest: object, at: datetime) -> Any:
        """An idempotency key, or the right to ask an address."""
        if isinstance(first, KeyUse):
            return self.keys.setdefault(first.key, first)
        self.asked.append(str(rest[0]))
        return self.asked.count(str(rest[0])) == 1

    async def addresses_left(self, tenant_id: str, *, at: datetime) -> bool:
        return len(self.asked) < 2

    async def put(self, wanted: Subscription) -> tuple[Subscription, bool]:
        known = self.webhooks.get(wanted.id)
        self.webhooks.setdefault(wanted.id, wanted)
        return self.webhooks[wanted.id], known is None

    async def add(self, stored: StoredEvent, delivery: Delivery) -> None:
        self.memory.events.by_id[stored.event.id] = stored
        self.logged[delivery.id] = LoggedDelivery(delivery=delivery, replays=())


@dataclass(frozen=True)
class Scene:
    """A context, and what it works on."""

    context: ApiContext
    memory: Memory
    records: TenantRecords


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    settings: dict[str, Any] = {
        "environment": "development",
        "amqp_url": SecretStr("amqp://127.0.0.1:1/"),
        "mongodb_url": SecretStr("mongodb://127.0.0.1:1/"),
        "secrets_master_keys": SecretStr(MASTER_KEYS),
        "auth_jwt_secret": SecretStr(JWT_SECRET),
        "public_url": "https://signalpost.example",
    }
    real = ApiContext.from_settings(ApiSettings(**settings))
    memory = Memory.empty()
    records = TenantRecords(memory)
    anything = cast("Any", records)
    context = replace(
        real,
        publisher=cast("Any", memory.publisher),
        subscriptions=cast("Any", memory.subscriptions),
        accepted_events=cast("Any", memory.events),
        events=anything,
        webhooks=anything,
        deliveries=anything,
        idempotency=anything,
        email_subscriptions=anything,
        confirmations=anything,
    )
    yield Scene(context, memory, records)
    await real.aclose()
