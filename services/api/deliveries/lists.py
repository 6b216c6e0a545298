"""Lists of deliveries: of a tenant, and of one webhook in whatever scope it is seen."""

from dataclasses import replace

from services.api.deliveries.schemas import DeliveryPage, DeliverySummary
from services.api.http.context import ApiContext
from services.api.http.paging import PageRequest
from services.api.http.problems import not_found
from shared.model.delivery import LoggedDelivery
from shared.storage.tenant.deliveries import DeliveryFilter
from shared.storage.tenant.pages import Position
from shared.storage.tenant.webhooks import WebhookScope


def position(row: LoggedDelivery) -> Position:
    """Return where a row stands in its list."""
    return Position(row.delivery.created_at, row.delivery.id)


async def deliveries_page(
    context: ApiContext, tenant_id: str, wanted: DeliveryFilter, paging: PageRequest
) -> DeliveryPage:
    """Return a page of a tenant's deliveries."""
    rows = await context.deliveries.page(tenant_id, wanted, after=paging.after, limit=paging.rows)
    page, cursor = paging.cut(rows, position)
    return DeliveryPage(items=[DeliverySummary.of(row.delivery) for row in page], next_cursor=cursor)


async def webhook_deliveries_page(
    context: ApiContext, scope: WebhookScope, webhook_id: str, wanted: DeliveryFilter, paging: PageRequest
) -> DeliveryPage:
    """Return a page of a webhook's deliveries.

    Raises:
        Problem: there is no such webhook.
    """
    if await context.webhooks.get(scope, webhook_id) is None:
        raise not_found("webhook")
    return await deliveries_page(context, scope.tenant_id, replace(wanted, subscription_id=webhook_id), paging)
