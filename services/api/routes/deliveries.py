"""The delivery log of a tenant."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query

from services.api.auth_gate import ClientAdmin
from services.api.context import Context
from services.api.delivery_lists import deliveries_page
from services.api.filters import MAX_TEXT, Filter
from services.api.openapi import problems
from services.api.paging import Paging
from services.api.problems import not_found
from services.api.schemas.deliveries import DeliveryDetail, DeliveryPage
from services.api.sending_again import resend

router = APIRouter(prefix="/api/v1/deliveries", tags=["deliveries"])


@router.get("", name="list_deliveries")
async def list_(
    context: Context,
    caller: ClientAdmin,
    wanted: Filter,
    paging: Paging,
    webhook: Annotated[str | None, Query(max_length=MAX_TEXT, description="The webhook's id.")] = None,
) -> DeliveryPage:
    """List deliveries to all of the tenant's webhooks and mail addresses."""
    return await deliveries_page(context, caller.tenant, replace(wanted, subscription_id=webhook), paging)


@router.get("/{delivery_id}", name="get_delivery")
async def get(context: Context, caller: ClientAdmin, delivery_id: str) -> DeliveryDetail:
    """Show a delivery with every attempt."""
    logged = await context.deliveries.get(caller.tenant, delivery_id)
    if logged is None:
        raise not_found("delivery")
    return DeliveryDetail.of_logged(logged)


@router.post("/{delivery_id}/resend", name="resend_delivery", status_code=202, responses=problems(409))
async def resend_(context: Context, caller: ClientAdmin, delivery_id: str) -> DeliveryDetail:
    """Send a finished delivery again, also a delivered one: the receiver knows the repeat by its `webhook-id`."""
    return DeliveryDetail.of_logged(await resend(context, caller.tenant, delivery_id, by=caller.subject))
