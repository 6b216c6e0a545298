"""Events: taken from producers."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request

from services.api import ingest
from services.api.auth_gate import Producer
from services.api.context import Context
from services.api.schemas.events import AcceptedEvent

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


@router.post("", status_code=202, openapi_extra=_EVENT_BODY)
async def publish_event(
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
