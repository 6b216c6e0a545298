"""The catalogue of event types."""

from fastapi import APIRouter

from services.api.events.schemas import EventTypeEntry, EventTypePage
from services.api.http.auth_gate import AnyCaller
from services.api.http.context import Context

router = APIRouter(prefix="/api/v1/event-types", tags=["events"])


@router.get("", name="list_event_types")
async def list_(context: Context, _: AnyCaller) -> EventTypePage:
    """List every type of event that this deployment knows, with the schema of its data and an example."""
    entries = sorted(context.catalogue.types.values(), key=lambda entry: entry.type)
    items = [
        EventTypeEntry(
            type=entry.type,
            description=entry.description,
            internal=entry.internal,
            schema=entry.schema,
            example=entry.example,
        )
        for entry in entries
    ]
    return EventTypePage(items=items)
