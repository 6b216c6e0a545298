"""A tenant's webhooks."""

from fastapi import APIRouter, Response

from services.api.deliveries.filters import Filter
from services.api.deliveries.lists import webhook_deliveries_page
from services.api.deliveries.schemas import DeliveryPage
from services.api.http.auth_gate import ClientAdmin
from services.api.http.context import Context
from services.api.http.openapi import problems
from services.api.http.paging import Paging
from services.api.http.problems import not_found
from services.api.webhooks.schemas import (
    RotateSecret,
    SentTest,
    Webhook,
    WebhookCreate,
    WebhookPage,
    WebhookPatch,
    WebhookWithSecret,
)
from services.api.webhooks.service import (
    WebhookOwner,
    change_webhook,
    create_webhook,
    list_webhooks,
    rotate_secret,
    send_test,
)
from shared.model.subscription import Origin
from shared.storage.tenant.webhooks import WebhookScope

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])


@router.get("", name="list_webhooks")
async def list_(context: Context, caller: ClientAdmin, paging: Paging) -> WebhookPage:
    """List the tenant's webhooks, those of its signers included."""
    return await list_webhooks(context, WebhookScope(tenant_id=caller.tenant), paging)


@router.post("", name="create_webhook", status_code=201, responses=problems(409))
async def create(context: Context, caller: ClientAdmin, body: WebhookCreate) -> WebhookWithSecret:
    """Create a webhook. The answer holds its secret, which can't be read again."""
    owner = WebhookOwner(scope=WebhookScope(tenant_id=caller.tenant), origin=Origin.API)
    return WebhookWithSecret.revealing(*await create_webhook(context, owner, body))


@router.get("/{webhook_id}", name="get_webhook")
async def get(context: Context, caller: ClientAdmin, webhook_id: str) -> Webhook:
    """Show a webhook."""
    webhook = await context.webhooks.get(WebhookScope(tenant_id=caller.tenant), webhook_id)
    if webhook is None:
        raise not_found("webhook")
    return Webhook.of(webhook)


@router.patch("/{webhook_id}", name="update_webhook")
async def update(context: Context, caller: ClientAdmin, webhook_id: str, body: WebhookPatch) -> Webhook:
    """Change some fields of a webhook; enabling it sets its count of failures to 0."""
    scope = WebhookScope(tenant_id=caller.tenant)
    return Webhook.of(await change_webhook(context, scope, webhook_id, body))


@router.delete("/{webhook_id}", name="delete_webhook", status_code=204, response_class=Response)
async def delete(context: Context, caller: ClientAdmin, webhook_id: str) -> None:
    """Delete a webhook, its delivery log, and what is waiting for it."""
    if not await context.webhooks.delete(WebhookScope(tenant_id=caller.tenant), webhook_id):
        raise not_found("webhook")


@router.post("/{webhook_id}/test", name="test_webhook", status_code=202)
async def test(context: Context, caller: ClientAdmin, webhook_id: str) -> SentTest:
    """Send a `webhook.test` event to this webhook, once; a failure is not retried and does not count."""
    return await send_test(context, caller, WebhookScope(tenant_id=caller.tenant), webhook_id)


@router.post("/{webhook_id}/rotate-secret", name="rotate_webhook_secret", responses=problems(409))
async def rotate(
    context: Context, caller: ClientAdmin, webhook_id: str, body: RotateSecret | None = None
) -> WebhookWithSecret:
    """Make a new secret. The old one goes on signing beside it for a while; one from before that ends now."""
    overlap = (body or RotateSecret()).overlap_seconds
    scope = WebhookScope(tenant_id=caller.tenant)
    return WebhookWithSecret.revealing(*await rotate_secret(context, scope, webhook_id, overlap))


@router.get("/{webhook_id}/deliveries", name="list_webhook_deliveries")
async def deliveries(
    context: Context, caller: ClientAdmin, webhook_id: str, wanted: Filter, paging: Paging
) -> DeliveryPage:
    """List a webhook's deliveries."""
    scope = WebhookScope(tenant_id=caller.tenant)
    return await webhook_deliveries_page(context, scope, webhook_id, wanted, paging)
