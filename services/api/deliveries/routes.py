"""The delivery log of a tenant."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.api.deliveries.filters import MAX_TEXT, Filter
from services.api.deliveries.lists import deliveries_page
from services.api.deliveries.schemas import DeliveryDetail, DeliveryPage, RecoverSkipped, SentAgain
from services.api.deliveries.service import recover_skipped, resend
from services.api.http.auth_gate import ClientAdmin
from services.api.http.context import Context
from services.api.http.openapi import problems
from services.api.http.paging import Paging
from services.api.http.problems import not_found

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


@router.post(
    "/recover",
    name="recover_deliveries",
    status_code=202,
    responses={200: {"model": SentAgain, "description": "Dry run: nothing was sent"}},
)
async def recover_(context: Context, caller: ClientAdmin, body: RecoverSkipped, response: Response) -> SentAgain:
    """Send what was skipped since a time, the oldest first: say, because the transport was off then."""
    matched, count, refused = await recover_skipped(context, caller.tenant, body, by=caller.subject)
    if body.dry_run:
        response.status_code = 200
    return SentAgain(dry_run=body.dry_run, matched=matched, count=count, refused=refused)


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
