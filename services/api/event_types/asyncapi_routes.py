"""The AsyncAPI document of the exchange `events`, for producers and their tools."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from services.api.event_types.asyncapi import asyncapi_document
from services.api.http.context import Context

router = APIRouter(tags=["events"])


@router.get("/asyncapi.json", name="asyncapi", responses={200: {"model": dict[str, Any]}})
async def asyncapi(context: Context, request: Request) -> JSONResponse:
    """Describe what may be published to the exchange `events`, as AsyncAPI 3.0."""
    amqp_url = context.settings.amqp_url.get_secret_value()
    return JSONResponse(asyncapi_document(context.catalogue, amqp_url=amqp_url, version=request.app.version))
