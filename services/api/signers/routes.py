"""A signer's webhooks: the same objects, bound to the signer's events, for the signer or an administrator."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from services.api.deliveries.filters import Filter
from services.api.deliveries.lists import webhook_deliveries_page
from services.api.deliveries.schemas import DeliveryPage
from services.api.http.auth_gate import SignerOwner
from services.api.http.context import Context
from services.api.http.openapi import problems
from services.api.http.paging import Paging
from services.api.http.problems import not_found
from services.api.webhooks.schemas import SentTest, WebhookCreate, WebhookPage, WebhookWithSecret
from services.api.webhooks.service import WebhookOwner, create_webhook, list_webhooks, send_test
from shared.model.subscription import Origin
from shared.storage.tenant.webhooks import WebhookScope

MAX_SIGNER_ID = 200

router = APIRouter(prefix="/signers/{signer_id}/webhooks", tags=["signers"])


def _scope(
    caller: SignerOwner,
    signer_id: Annotated[
        str, Path(max_length=MAX_SIGNER_ID, pattern=r"^[\x21-\x7e]+$", description="The signer's id in the product.")
    ],
) -> WebhookScope:
    return WebhookScope(tenant_id=caller.tenant, subject=f"signers/{signer_id}")


SignerScope = Annotated[WebhookScope, Depends(_scope)]


@router.get("", name="list_signer_webhooks")
async def list_(context: Context, scope: SignerScope, paging: Paging) -> WebhookPage:
    """List a signer's webhooks."""
    return await list_webhooks(context, scope, paging)


@router.post("", name="create_signer_webhook", status_code=201, responses=problems(409))
async def create(context: Context, scope: SignerScope, body: WebhookCreate) -> WebhookWithSecret:
    """Create a webhook for this signer's events. The answer holds its secret, which can't be read again."""
    owner = WebhookOwner(scope=scope, origin=Origin.SIGNER)
    return WebhookWithSecret.revealing(*await create_webhook(context, owner, body))


@router.delete("/{webhook_id}", name="delete_signer_webhook", status_code=204, response_class=Response)
async def delete(context: Context, scope: SignerScope, webhook_id: str) -> None:
    """Delete a signer's webhook, its delivery log, and what is waiting for it."""
    if not await context.webhooks.delete(scope, webhook_id):
        raise not_found("webhook")


@router.post("/{webhook_id}/test", name="test_signer_webhook", status_code=202)
async def test(context: Context, caller: SignerOwner, scope: SignerScope, webhook_id: str) -> SentTest:
    """Send a `webhook.test` event to this webhook, once; a failure is not retried and does not count."""
    return await send_test(context, caller, scope, webhook_id)


@router.get("/{webhook_id}/deliveries", name="list_signer_webhook_deliveries")
async def deliveries(
    context: Context, scope: SignerScope, webhook_id: str, wanted: Filter, paging: Paging
) -> DeliveryPage:
    """List the deliveries of a signer's webhook."""
    return await webhook_deliveries_page(context, scope, webhook_id, wanted, paging)
