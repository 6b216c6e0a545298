"""ASGI middleware that counts requests and writes one line for each, without anything the caller sent."""

import time
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.http.auth_gate import PUBLIC_PATHS
from shared.telemetry.metrics import REQUESTS

_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})

log = structlog.get_logger(__name__)


class AccessLog:
    """Notes method, route, status, duration and tenant of each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            _note(scope, status, time.perf_counter() - began)


def _note(scope: Scope, status: int, seconds: float) -> None:
    # Never the path itself: anybody can make up any number of them, and one label value each is kept for ever.
    route = getattr(scope.get("route"), "path", "unmatched")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    REQUESTS.labels(method, route, status).observe(seconds)
    if scope["path"] in PUBLIC_PATHS:
        return
    caller = scope.get("state", {}).get("caller")
    log.info(
        "api.request",
        method=method,
        route=route,
        status=status,
        duration_ms=round(seconds * 1000),
        tenant_id=caller.tenant if caller else None,
        caller=caller.subject if caller else None,
    )
