"""Signalpost as its users meet it: all services as processes, on a virtual host and a database of their own."""

import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import jwt

from deploy.local.services import Services
from deploy.local.stack import Stack
from shared.broker import Publisher
from shared.delivery.context import WorkerContext
from shared.model.event import EVENT_CONTENT_TYPE, rfc3339
from shared.model.routing import Outgoing
from shared.model.topology import EVENTS, dead_letter_queue, topology
from shared.process.clock import utc_now
from shared.process.settings import DeliverySettings, load
from shared.storage import Database
from tests.support.waiting import eventually

JWT_SECRET = "a secret of the tests, long enough for HS256"
MASTER_KEYS = "test:dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzLCAzMisgYg=="
SERVICES = ("api", "dispatcher", "webhook", "mailer")
SETTINGS = {
    "ENVIRONMENT": "development",
    "SECURITY_OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
    "AUTH_JWT_SECRET": JWT_SECRET,
    "SECRETS_MASTER_KEYS": MASTER_KEYS,
}


def token(tenant: str, *roles: str, **claims: object) -> str:
    """A bearer token of this tenant; by default with every role."""
    now = int(utc_now().timestamp())
    payload = {"sub": f"user of {tenant}", "org_id": tenant, "roles": list(roles or ("CLIENT_ADMIN", "PRODUCER"))}
    return jwt.encode(payload | {"iat": now, "exp": now + 3600} | claims, JWT_SECRET, algorithm="HS256")


def new_tenant() -> str:
    """A tenant nobody else uses."""
    return f"org_{uuid4().hex[:12]}"


def event(type_: str, data: object, *, tenant: str, **attributes: object) -> dict[str, Any]:
    """A CloudEvents envelope."""
    return {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": "/tests",
        "type": type_,
        "time": rfc3339(utc_now()),
        "tenantid": tenant,
        "datacontenttype": "application/json",
        "data": data,
    } | attributes


def certificate(tenant: str, number: str = "cert_42", **attributes: object) -> dict[str, Any]:
    """The event of tests to which it does not matter which one it is."""
    return event("certificate.issued", {"certificate_id": number}, tenant=tenant, **attributes)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the API answered."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Client:
    """The API as one tenant sees it."""

    def __init__(self, session: aiohttp.ClientSession, url: str, bearer: str) -> None:
        self._session, self._url, self._bearer = session, url, bearer

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Call a route."""
        async with self._session.request(
            method,
            self._url + path,
            json=body,
            headers={"Authorization": f"Bearer {self._bearer}", **headers},
        ) as answer:
            content = await answer.json(content_type=None) if await answer.read() else None
            return Answer(status=answer.status, headers=answer.headers.copy(), body=content)

    async def get(self, path: str) -> Any:
        """The body of a 200."""
        answer = await self.call("GET", path)
        assert answer.status == 200, answer
        return answer.body

    async def create_webhook(self, url: str, *events: str, **fields: object) -> dict[str, Any]:
        """A new webhook, with its secret."""
        answer = await self.call("POST", "/api/v1/webhooks", {"url": url, "events": list(events or ("*",)), **fields})
        assert answer.status == 201, answer
        assert isinstance(answer.body, dict)
        return answer.body


class System:
    """The running system."""

    def __init__(
        self,
        stack: Stack,
        services: Services,
        environment: dict[str, str],
        vhost: str,
        session: aiohttp.ClientSession,
    ) -> None:
        self.stack, self.services, self.environment, self.vhost = stack, services, environment, vhost
        self.publisher = Publisher(environment["AMQP_URL"], name="tests", topology=topology())
        self.database = Database(environment["MONGODB_URL"], environment["MONGODB_DATABASE"], app="tests")
        self._session = session

    @property
    def url(self) -> str:
        """Where the API answers."""
        return self.services["api"].url

    def client(self, tenant: str, *roles: str) -> Client:
        """The API as this tenant sees it."""
        return Client(self._session, self.url, token(tenant, *roles))

    def worker_context(self, name: str) -> WorkerContext:
        """A worker's connections beside those of the services, for a test to work through and to close."""
        given = {field: self.environment[field.upper()] for field in ("amqp_url", "mongodb_url", "mongodb_database")}
        return WorkerContext.from_settings(load(DeliverySettings, environment="development", **given), name=name)

    async def paths(self) -> dict[str, Any]:
        """The API's routes by path, as its OpenAPI document tells them."""
        async with self._session.get(f"{self.url}/openapi.json") as answer:
            paths: dict[str, Any] = (await answer.json())["paths"]
        return paths

    async def publish(self, envelope: dict[str, Any]) -> None:
        """Publish an event to the exchange, as a producer does."""
        await self.publish_raw(_json(envelope), routing_key=envelope["type"])

    async def publish_raw(
        self,
        body: bytes,
        *,
        routing_key: str,
        exchange: str = EVENTS,
        headers: Mapping[str, str | int] | None = None,
        content_type: str = EVENT_CONTENT_TYPE,
    ) -> None:
        """Publish any bytes anywhere."""
        await self.publisher.publish(
            Outgoing(
                exchange=exchange,
                routing_key=routing_key,
                body=body,
                headers=headers or {},
                content_type=content_type,
            )
        )

    async def deliveries(self, tenant: str, **filters: object) -> list[dict[str, Any]]:
        """The tenant's delivery documents as they are in the database."""
        return await self.database.deliveries.find({"tenant_id": tenant, **filters}).to_list()

    async def wait_for_states(self, tenant: str, *states: str, within: float = 20.0) -> list[dict[str, Any]]:
        """Wait until the tenant's deliveries are in exactly these states (in any order)."""
        wanted = sorted(states)
        return await eventually(
            lambda: self.deliveries(tenant),
            until=lambda seen: sorted(d["state"] for d in seen) == wanted,
            within=within,
        )

    async def lying_in(self, queue: str, *, count: int = 1000) -> list[dict[str, Any]]:
        """What lies in a queue, as RabbitMQ's management API shows it (long payloads cut); it stays there."""
        assert self.stack.rabbitmq is not None
        return list(
            await self.stack.rabbitmq.management(
                "POST",
                f"/api/queues/{self.vhost}/{queue}/get",
                {"count": count, "ackmode": "ack_requeue_true", "encoding": "auto", "truncate": 50_000},
            )
        )

    async def dead_letters(self, key: str, *, count: int = 1000) -> list[dict[str, Any]]:
        """What lies in a dead-letter queue."""
        return await self.lying_in(dead_letter_queue(key), count=count)

    async def wait_for_dead_letter(
        self, key: str, header: str, value: str, *, within: float = 20.0
    ) -> dict[str, Any]:
        """Wait for the dead letter with this header and return it."""

        async def look() -> list[dict[str, Any]]:
            letters = await self.dead_letters(key)
            return [letter for letter in letters if letter["properties"].get("headers", {}).get(header) == value]

        return (await eventually(look, within=within))[0]

    def logs(self) -> str:
        """Everything that the services logged."""
        return "\n".join(path.read_text() for path in self.stack.directory.path.glob("*.log"))


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@asynccontextmanager
async def running_system(
    stack: Stack, *, services: Sequence[str] = SERVICES, **settings: str
) -> AsyncIterator[System]:
    """Start the services with these settings beside a stack, and stop them in the end."""
    name = f"test-{os.getpid()}-{uuid4().hex[:8]}"
    environment = stack.environment() | SETTINGS | {"MONGODB_DATABASE": name} | settings
    own_vhost = stack.rabbitmq is not None and "AMQP_URL" not in settings
    if stack.rabbitmq is not None and own_vhost:
        environment["AMQP_URL"] = await stack.rabbitmq.create_vhost(name)
    connector = aiohttp.TCPConnector(limit=0)  # tests of overload call from everywhere at once
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        Services(stack.directory, environment) as running,
    ):
        for service in services:
            await running.start(service)
        system = System(stack, running, environment, name, session)
        try:
            yield system
        finally:
            await system.publisher.aclose()
            await system.database.aclose()
    if stack.rabbitmq is not None and own_vhost:
        await stack.rabbitmq.delete_vhost(name)
