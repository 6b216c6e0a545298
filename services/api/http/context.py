"""The parts that the API is put together from, made once and closed together. Nothing happens at import."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.api.http.admission import Admission
from services.api.http.auth import Authenticator
from services.api.http.jwks import KeySet
from services.api.http.watch import Watch
from services.api.settings import ApiSettings
from shared.broker import Publisher
from shared.catalogue import Catalogue
from shared.model.topology import topology
from shared.outbound.policy import OutboundPolicy
from shared.outbound.resolver import SystemResolver
from shared.secrets.keyring import Keyring
from shared.secrets.signed_links import Links
from shared.storage import Database, Events, Subscriptions
from shared.storage.branding import TenantBranding
from shared.storage.confirmations import Confirmations
from shared.storage.consents import Consents
from shared.storage.tenant.deliveries import TenantDeliveries
from shared.storage.tenant.email_subscriptions import TenantEmailSubscriptions
from shared.storage.tenant.events import TenantEvents
from shared.storage.tenant.idempotency import TenantIdempotency
from shared.storage.tenant.subscriptions import TenantSubscriptions
from shared.storage.tenant.webhooks import TenantWebhooks
from shared.telemetry.setup import tracing_for
from shared.telemetry.tracing import Tracing


@dataclass(frozen=True, kw_only=True)
class ApiContext:
    """The API's own connections, and what works through them."""

    settings: ApiSettings
    database: Database
    publisher: Publisher
    catalogue: Catalogue
    keyring: Keyring
    policy: OutboundPolicy
    resolver: SystemResolver
    authenticator: Authenticator
    watch: Watch
    subscriptions: Subscriptions
    """For `add` only: its other calls are the workers'."""
    webhooks: TenantWebhooks
    accepted_events: Events
    """For `add_accepted` only: its other calls are the workers'."""
    events: TenantEvents
    admission: Admission
    idempotency: TenantIdempotency
    deliveries: TenantDeliveries
    every_subscription: TenantSubscriptions
    links: Links | None
    """None in production without PUBLIC_URL."""
    email_subscriptions: TenantEmailSubscriptions
    confirmations: Confirmations
    consents: Consents
    branding: TenantBranding
    tracing: Tracing | None

    @classmethod
    def from_settings(cls, settings: ApiSettings) -> "ApiContext":
        """Make the parts; connecting comes later, by itself."""
        database = Database(settings.mongodb_url.get_secret_value(), settings.mongodb_database, app="api")
        publisher = Publisher(settings.amqp_url.get_secret_value(), name="api.publisher", topology=topology())
        keys = KeySet(settings.auth_jwks_url) if settings.auth_jwks_url else None
        return cls(
            settings=settings,
            database=database,
            publisher=publisher,
            catalogue=Catalogue.load(settings.event_types_file),
            keyring=settings.keyring(),
            policy=OutboundPolicy.from_settings(settings),
            resolver=SystemResolver(),
            authenticator=Authenticator(settings, keys),
            watch=Watch(database, publisher),
            subscriptions=Subscriptions(database),
            webhooks=TenantWebhooks(database),
            accepted_events=Events(database),
            events=TenantEvents(database),
            admission=Admission(),
            idempotency=TenantIdempotency(database),
            deliveries=TenantDeliveries(database),
            every_subscription=TenantSubscriptions(database),
            links=settings.links(),
            email_subscriptions=TenantEmailSubscriptions(database),
            confirmations=Confirmations(database),
            consents=Consents(database),
            branding=TenantBranding(database),
            tracing=tracing_for("signalpost-api", settings),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self.publisher.aclose()
        await self.database.aclose()
        await self.resolver.close()
        if self.tracing is not None:
            await self.tracing.aclose()


def _context(request: Request) -> ApiContext:
    context: ApiContext = request.app.state.context
    return context


Context = Annotated[ApiContext, Depends(_context)]
"""The context as a route's parameter."""
