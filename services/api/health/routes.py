"""Health, for orchestrators; needs no token. The metrics are on HEALTH_PORT only."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

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
