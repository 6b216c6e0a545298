"""Dead letters: deliveries that were given up, and how they are sent again."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.api.deliveries.filters import MAX_TEXT, Since, Until
from services.api.deliveries.lists import position
from services.api.deliveries.schemas import (
    Channel,
    DeadLetter,
    DeadLetterPage,
    DeliveryDetail,
    ReplayMany,
    ReplayOne,
    SentAgain,
)
from services.api.deliveries.service import replay_many, replay_one
from services.api.http.auth_gate import ClientAdmin
from services.api.http.context import Context
from services.api.http.openapi import problems
from services.api.http.paging import Paging
from shared.model.reasons import DeadReason, DeliveryState
from shared.storage.tenant.deliveries import DeliveryFilter

router = APIRouter(prefix="/api/v1/dead-letters", tags=["dead letters"])


@router.get("", name="list_dead_letters")
async def list_(
    context: Context,
    caller: ClientAdmin,
    paging: Paging,
    reason: Annotated[DeadReason | None, Query()] = None,
    channel: Annotated[Channel | None, Query()] = None,
    webhook: Annotated[str | None, Query(max_length=MAX_TEXT, description="The webhook's id.")] = None,
    since: Since = None,
    until: Until = None,
) -> DeadLetterPage:
    """List the tenant's dead letters."""
    wanted = DeliveryFilter(
        states=(DeliveryState.DEAD,),
        reason=None if reason is None else reason.value,
        channel=channel,
        subscription_id=webhook,
        since=since,
        until=until,
    )
    rows = await context.deliveries.page(caller.tenant, wanted, after=paging.after, limit=paging.rows)
    page, cursor = paging.cut(rows, position)
    return DeadLetterPage(items=[DeadLetter.of_logged(row) for row in page], next_cursor=cursor)


@router.post(
    "/replay",
    name="replay_dead_letters",
    status_code=202,
    responses={200: {"model": SentAgain, "description": "Dry run: nothing was sent"}, **problems(409)},
)
async def replay_all(context: Context, caller: ClientAdmin, body: ReplayMany, response: Response) -> SentAgain:
    """Send dead letters again. 409 if all of them are refused; some refused ones are listed in the answer."""
    matched, count, refused = await replay_many(context, caller.tenant, body, by=caller.subject)
    if body.dry_run:
        response.status_code = 200
    return SentAgain(dry_run=body.dry_run, matched=matched, count=count, refused=refused)


@router.post("/{delivery_id}/replay", name="replay_dead_letter", status_code=202, responses=problems(409))
async def replay(context: Context, caller: ClientAdmin, delivery_id: str, body: ReplayOne) -> DeliveryDetail:
    """Send one dead letter again; refused while its target has been failing since."""
    return DeliveryDetail.of_logged(await replay_one(context, caller.tenant, delivery_id, body, by=caller.subject))
