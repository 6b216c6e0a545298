"""Sending again what a webhook missed."""

from fastapi import APIRouter, Response

from services.api.deliveries.schemas import Recover, SentAgain
from services.api.deliveries.service import RECOVERABLE, recover
from services.api.http.auth_gate import ClientAdmin
from services.api.http.context import Context
from services.api.http.openapi import problems
from services.api.http.problems import not_found
from shared.model.system_events import TEST_EVENT
from shared.process.clock import utc_now
from shared.storage.tenant.deliveries import DeliveryFilter
from shared.storage.tenant.webhooks import WebhookScope

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])


@router.post(
    "/{webhook_id}/recover",
    name="recover_webhook",
    status_code=202,
    responses={200: {"model": SentAgain, "description": "Dry run: nothing was sent"}, **problems(409)},
)
async def recover_webhook(
    context: Context, caller: ClientAdmin, webhook_id: str, body: Recover, response: Response
) -> SentAgain:
    """Send again, the oldest first, what is dead or skipped since a time; test events are left out."""
    webhook = await context.webhooks.get(WebhookScope(tenant_id=caller.tenant), webhook_id)
    if webhook is None:
        raise not_found("webhook")
    missed = DeliveryFilter(
        states=RECOVERABLE,
        subscription_id=webhook_id,
        without_type=TEST_EVENT,
        since=body.since,
        until=body.until or utc_now(),  # what comes while this runs is not what was missed
    )
    matched = await context.deliveries.count(caller.tenant, missed)
    if body.dry_run:
        response.status_code = 200
        return SentAgain(dry_run=True, matched=matched, count=matched)
    count = await recover(context, webhook, missed, by=caller.subject)
    return SentAgain(dry_run=False, matched=matched, count=count)
