"""Health and metrics, for orchestrators: the only routes that need no token."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import REGISTRY, generate_latest

from services.api.health.schemas import Live, Ready
from services.api.http.context import Context

router = APIRouter(tags=["health"])


@router.get("/health/live")
async def live() -> Live:
    """Tell that the process runs."""
    return Live()


@router.get("/health/ready", responses={503: {"model": Ready, "description": "Not ready"}})
async def ready(context: Context) -> JSONResponse:
    """Tell whether broker and database are reachable."""
    checks = context.watch.checks()
    is_ready = all(checks.values())
    return JSONResponse({"ready": is_ready, "checks": checks}, 200 if is_ready else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics() -> Response:
    """Return the metrics of this process in Prometheus' text format."""
    return Response(generate_latest(REGISTRY), media_type="text/plain; version=0.0.4; charset=utf-8")
