"""Events: taken from producers, and shown to their tenant with what became of them."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response

from services.api.deliveries.filters import MAX_TEXT, Since, Until
from services.api.events import service as ingest
from services.api.events.explained import explain_event
from services.api.events.schemas import AcceptedEvent, EventDetail, EventPage, EventSummary
from services.api.http.auth_gate import ClientAdmin, Producer
from services.api.http.context import Context
from services.api.http.paging import Paging
from services.api.http.problems import not_found
from shared.storage.tenant.pages import Position

router = APIRouter(prefix="/api/v1/events", tags=["events"])

_EVENT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            media_type: {"schema": {"$ref": "#/components/schemas/EventIn"}}
            for media_type in ("application/cloudevents+json", "application/json")
        },
    }
}


@router.post("", name="publish_event", status_code=202, openapi_extra=_EVENT_BODY)
async def publish(
    context: Context,
    caller: Producer,
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=ingest.MAX_KEY,
            pattern=r"^[\x21-\x7e]+$",
            description="The same key and body again get the same answer; the same key with another body a 422.",
        ),
    ] = None,
    traceparent: Annotated[str | None, Header(description="W3C trace context to go on with.")] = None,
) -> AcceptedEvent:
    """Publish an event. It is stored and on the broker when this answers 202."""
    sent = ingest.Request(body=await request.body(), idempotency_key=idempotency_key, traceparent=traceparent)
    accepted = await ingest.ingest(context, caller, sent)
    return AcceptedEvent(id=accepted.event_id, duplicate=accepted.duplicate)


@router.get("", name="list_events")
async def list_(
    context: Context,
    caller: ClientAdmin,
    paging: Paging,
    type_: Annotated[str | None, Query(alias="type", max_length=MAX_TEXT, description="The event's type.")] = None,
    subject: Annotated[str | None, Query(max_length=MAX_TEXT, description="What the event is about.")] = None,
    since: Since = None,
    until: Until = None,
) -> EventPage:
    """List the tenant's events."""
    rows = await context.events.page(
        caller.tenant,
        type_=type_,
        subject=subject,
        since=since,
        until=until,
        after=paging.after,
        limit=paging.rows,
    )
    page, cursor = paging.cut(rows, lambda row: Position(row.created_at, row.event.id))
    return EventPage(items=[EventSummary.of(row) for row in page], next_cursor=cursor)


@router.get("/{event_id}", name="get_event", response_class=Response, responses={200: {"model": EventDetail}})
async def get(context: Context, caller: ClientAdmin, event_id: str) -> Response:
    """Show an event, and for each subscription of the tenant: matched or why not, and what became of it."""
    stored = await context.events.get(caller.tenant, event_id)
    if stored is None:
        raise not_found("event")
    explained = await explain_event(context, stored)
    # Put together by hand: through Python numbers the data would lose digits.
    body = explained.model_dump(mode="json") | {
        "datacontenttype": stored.event.datacontenttype,
        "extensions": dict(stored.event.extensions),
        "data": msgspec.Raw(stored.event.data),
    }
    return Response(msgspec.json.encode(body), media_type="application/json")
