"""Test events: one `webhook.test` for one webhook, on the same way as any other event."""

from secrets import token_hex

from services.api.auth import Caller
from services.api.context import ApiContext
from services.api.ingest import accept
from services.api.problems import not_found
from services.api.schemas.webhooks import SentTest
from shared.clock import utc_now
from shared.delivery.own_events import own_event
from shared.matching import TEST_EVENT
from shared.storage.tenant_webhooks import WebhookScope


async def send_test(context: ApiContext, caller: Caller, scope: WebhookScope, webhook_id: str) -> SentTest:
    """Send a test event to a webhook, also a disabled one; returns where to look for what came of it.

    Raises:
        Problem: there is no such webhook.
    """
    webhook = await context.webhooks.get(scope, webhook_id)
    if webhook is None:
        raise not_found("webhook")
    event = own_event(
        tenant_id=webhook.tenant_id,
        source_id=f"webhook-test/{webhook.id}/{token_hex(16)}",
        type_=TEST_EVENT,
        time=utc_now(),
        subject=f"webhooks/{webhook.id}",
        data={
            "webhook_id": webhook.id,
            "message": "This is a test event from Signalpost. It is sent once and never repeated.",
            "sent_by": caller.subject,
        },
    )
    accepted = await accept(context, event)
    return SentTest(event_id=accepted.event_id, delivery_id=webhook.delivery_for(accepted.event_id))
