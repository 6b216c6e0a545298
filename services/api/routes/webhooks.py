"""A tenant's webhooks."""

from fastapi import APIRouter, Response

from services.api.auth_gate import ClientAdmin
from services.api.context import Context
from services.api.paging import Paging
from services.api.problems import not_found
from services.api.schemas.webhooks import Webhook, WebhookCreate, WebhookPage, WebhookPatch, WebhookWithSecret
from services.api.webhooks import WebhookOwner, change_webhook, create_webhook
from shared.signing import Origin
from shared.storage.tenant_pages import Position
from shared.storage.tenant_webhooks import WebhookScope

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])


@router.get("")
async def list_webhooks(context: Context, caller: ClientAdmin, paging: Paging) -> WebhookPage:
    """List the tenant's webhooks, its signers' included."""
    rows = await context.webhooks.page(WebhookScope(tenant_id=caller.tenant), after=paging.after, limit=paging.rows)
    page, cursor = paging.cut(rows, lambda row: Position(row.created_at, row.id))
    return WebhookPage(items=[Webhook.of(row) for row in page], next_cursor=cursor)


@router.post("", status_code=201)
async def create_a_webhook(context: Context, caller: ClientAdmin, body: WebhookCreate) -> WebhookWithSecret:
    """Create a webhook. The answer holds its secret, which can't be read again."""
    owner = WebhookOwner(scope=WebhookScope(tenant_id=caller.tenant), origin=Origin.API)
    return WebhookWithSecret.revealing(*await create_webhook(context, owner, body))


@router.get("/{webhook_id}")
async def get_webhook(context: Context, caller: ClientAdmin, webhook_id: str) -> Webhook:
    """Show a webhook."""
    webhook = await context.webhooks.get(WebhookScope(tenant_id=caller.tenant), webhook_id)
    if webhook is None:
        raise not_found("webhook")
    return Webhook.of(webhook)


@router.patch("/{webhook_id}")
async def update_webhook(context: Context, caller: ClientAdmin, webhook_id: str, body: WebhookPatch) -> Webhook:
    """Change some fields of a webhook; enabling it sets its count of failures to 0."""
    scope = WebhookScope(tenant_id=caller.tenant)
    return Webhook.of(await change_webhook(context, scope, webhook_id, body))


@router.delete("/{webhook_id}", status_code=204, response_class=Response)
async def delete_webhook(context: Context, caller: ClientAdmin, webhook_id: str) -> None:
    """Delete a webhook, its delivery log, and what is waiting for it."""
    if not await context.webhooks.delete(WebhookScope(tenant_id=caller.tenant), webhook_id):
        raise not_found("webhook")
