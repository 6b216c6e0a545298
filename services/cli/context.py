"""The connections of an operator's command, created once and closed together. Nothing happens at import."""

from dataclasses import dataclass

from shared.broker import Publisher
from shared.model.topology import topology
from shared.process.settings import CoreSettings
from shared.storage import Database
from shared.storage.all_tenants import AllTenants
from shared.storage.tenant.deliveries import TenantDeliveries
from shared.storage.tenant.events import TenantEvents
from shared.storage.tenant.subscriptions import TenantSubscriptions
from shared.storage.tenant.webhooks import TenantWebhooks


@dataclass(frozen=True, kw_only=True)
class OperatorContext:
    """The stores and connections that commands use."""

    amqp_url: str
    database: Database
    publisher: Publisher
    everything: AllTenants
    events: TenantEvents
    deliveries: TenantDeliveries
    subscriptions: TenantSubscriptions
    webhooks: TenantWebhooks

    @classmethod
    def from_settings(cls, settings: CoreSettings) -> "OperatorContext":
        """Create the parts; each connects on first use."""
        amqp_url = settings.amqp_url.get_secret_value()
        database = Database(settings.mongodb_url.get_secret_value(), settings.mongodb_database, app="worker")
        return cls(
            amqp_url=amqp_url,
            database=database,
            publisher=Publisher(amqp_url, name="worker.publisher", topology=topology()),
            everything=AllTenants(database),
            events=TenantEvents(database),
            deliveries=TenantDeliveries(database),
            subscriptions=TenantSubscriptions(database),
            webhooks=TenantWebhooks(database),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self.publisher.aclose()
        await self.database.aclose()
