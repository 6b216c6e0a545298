"""A tenant's mail subscriptions: addresses that want events by mail, and have said so."""

from fastapi import APIRouter, Response

from services.api.email_subscriptions.schemas import (
    EmailSubscription,
    EmailSubscriptionCreate,
    EmailSubscriptionPage,
    RequestedEmailSubscription,
)
from services.api.email_subscriptions.service import subscribe
from services.api.http.auth_gate import ClientAdmin
from services.api.http.context import Context
from services.api.http.openapi import problems
from services.api.http.paging import Paging
from services.api.http.problems import not_found
from shared.storage.tenant.pages import Position

router = APIRouter(prefix="/api/v1/email-subscriptions", tags=["e-mail subscriptions"])


@router.get("", name="list_email_subscriptions")
async def list_(context: Context, caller: ClientAdmin, paging: Paging) -> EmailSubscriptionPage:
    """List the tenant's mail subscriptions."""
    rows = await context.email_subscriptions.page(caller.tenant, after=paging.after, limit=paging.rows)
    page, cursor = paging.cut(rows, lambda row: Position(row.created_at, row.id))
    return EmailSubscriptionPage(items=[EmailSubscription.of(row) for row in page], next_cursor=cursor)


@router.post(
    "",
    name="create_email_subscription",
    status_code=201,
    responses={
        200: {"model": RequestedEmailSubscription, "description": "The address was known; it has these events now"},
        **problems(409, 429),
    },
)
async def create(
    context: Context, caller: ClientAdmin, body: EmailSubscriptionCreate, response: Response
) -> RequestedEmailSubscription:
    """Subscribe an address. It is sent a request to confirm, and nothing else before it has confirmed.

    For an address that is known already, this sets its events.
    """
    subscription, is_new, delivery_id = await subscribe(context, caller.tenant, body)
    if not is_new:
        response.status_code = 200
    return RequestedEmailSubscription.asked(subscription, delivery_id)


@router.delete("/{subscription_id}", name="delete_email_subscription", status_code=204, response_class=Response)
async def delete(context: Context, caller: ClientAdmin, subscription_id: str) -> None:
    """Delete a mail subscription, its delivery log, and what is waiting for it."""
    if not await context.email_subscriptions.delete(caller.tenant, subscription_id):
        raise not_found("e-mail subscription")
