"""The commands that do one thing: topology, publish, token."""

import asyncio
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Annotated
from uuid import uuid4

import jwt
import msgspec
import typer

from services.api.settings import ApiSettings
from services.cli.terminal import fail, run, settings_or_exit
from shared.broker import Publisher
from shared.catalogue import Catalogue
from shared.model.event import InvalidMessage, rfc3339
from shared.model.routing import event_message
from shared.model.topology import topology
from shared.process.clock import utc_now
from shared.process.settings import CoreSettings
from signalpost.checking import read_event
from signalpost.traceparent import traceparent_or_new


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(name="topology")(declare_topology)
    app.command()(publish)
    app.command()(token)


def declare_topology() -> None:
    """Declare exchanges, queues and bindings on the broker at AMQP_URL; repeating it changes nothing."""

    async def declare(settings: CoreSettings) -> None:
        publisher = Publisher(settings.amqp_url.get_secret_value(), name="worker.topology", topology=topology())
        await publisher.connect()
        await publisher.aclose()

    run(declare(settings_or_exit(CoreSettings)))
    done = topology()
    print(f"declared {len(done.exchanges)} exchanges, {len(done.queues)} queues, {len(done.bindings)} bindings")


def publish(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="The event's type, such as certificate.issued.")],
    tenant: Annotated[str, typer.Option(help="The tenant that the event belongs to.")],
    data: Annotated[str, typer.Option(help="The event's data: a JSON text, or - to read it from standard input.")],
    source: Annotated[str, typer.Option(help="The system that the event comes from.")] = "/worker/publish",
    subject: Annotated[str | None, typer.Option(help="What the event is about.")] = None,
    id_: Annotated[
        str | None, typer.Option("--id", help="The event's id; the same id again is the same event.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the broker.")] = 10.0,
) -> None:
    """Publish one event and wait until the broker has stored it."""
    settings = settings_or_exit(CoreSettings)
    text = sys.stdin.read() if data == "-" else data
    envelope: dict[str, object] = {
        "specversion": "1.0",
        "id": id_ or uuid4().hex,
        "source": source,
        "type": type_,
        "time": rfc3339(utc_now()),
        "tenantid": tenant,
        "datacontenttype": "application/json",
        "data": msgspec.Raw(text.encode()),
    }
    if subject is not None:
        envelope["subject"] = subject
    try:
        event = read_event(msgspec.json.encode(envelope), Catalogue.load(settings.event_types_file))
    except InvalidMessage as error:
        fail(f"not published: {error}")
    message = event_message(replace(event, traceparent=traceparent_or_new(None)))

    async def send() -> None:
        publisher = Publisher(settings.amqp_url.get_secret_value(), name="worker.publish", topology=topology())
        async with asyncio.timeout(timeout):
            await publisher.publish(message)
        await publisher.aclose()

    try:
        asyncio.run(send())
    except TimeoutError:
        fail(f"the broker at AMQP_URL did not accept the event within {timeout:g} s")
    print(event.id)


def token(
    sub: Annotated[str, typer.Option(help="The subject of the token.")] = "developer",
    org: Annotated[
        str | None, typer.Option(help="The organisation; the tenant is this, or `sub` without it.")
    ] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role; repeat for several.")] = None,
    hours: Annotated[float, typer.Option(help="Hours for which it is valid.")] = 24.0,
) -> None:
    """Print a token for experiments (development only)."""
    settings = settings_or_exit(ApiSettings)
    if settings.is_production:
        fail("tokens are made here in development only: set ENVIRONMENT=development, or ask your identity provider")
    print(development_token(settings, sub=sub, org=org, roles=role or ["CLIENT_ADMIN", "PRODUCER"], hours=hours))


def development_token(settings: ApiSettings, *, sub: str, org: str | None, roles: list[str], hours: float) -> str:
    """Return a signed token, as an identity provider would make it."""
    claims: dict[str, object] = {
        "sub": sub,
        "roles": roles,
        "iat": utc_now(),
        "exp": utc_now() + timedelta(hours=hours),
    }
    if org is not None:
        claims["org_id"] = org
    if settings.auth_issuer:
        claims["iss"] = settings.auth_issuer
    if settings.auth_audience:
        claims["aud"] = settings.auth_audience
    return jwt.encode(claims, settings.jwt_secret(), algorithm="HS256")
