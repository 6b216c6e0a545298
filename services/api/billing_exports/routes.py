"""What came of the mails about a billing export."""

from fastapi import APIRouter

from services.api.billing_exports.schemas import ExportDelivery, ExportDeliveryPage
from services.api.deliveries.lists import position
from services.api.http.auth_gate import ClientAdmin
from services.api.http.context import Context
from services.api.http.paging import Paging
from services.api.http.problems import not_found
from shared.storage.tenant.deliveries import DeliveryFilter

router = APIRouter(prefix="/api/v1/billing-exports", tags=["billing exports"])


@router.get("/{export_id}/deliveries", name="list_billing_export_deliveries")
async def deliveries(context: Context, caller: ClientAdmin, export_id: str, paging: Paging) -> ExportDeliveryPage:
    """List the mails about an export: recipient, state, attempts, Message-ID, last error and times."""
    wanted = DeliveryFilter(export_id=export_id)
    rows = await context.deliveries.page(caller.tenant, wanted, after=paging.after, limit=paging.rows)
    if not rows and paging.after is None:
        raise not_found("billing export")
    page, cursor = paging.cut(rows, position)
    return ExportDeliveryPage(items=[ExportDelivery.of(row.delivery) for row in page], next_cursor=cursor)
