"""The health port: whether the process lives, whether it can do its work, and its metrics."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from prometheus_client import REGISTRY, generate_latest

from shared.process.http_server.limits import HttpLimits

HEALTH_LIMITS: Final = HttpLimits(
    connections=200,
    connections_per_client=100,
    header_bytes=8 * 1024,
    header_time=10,
    body_time=5,
    idle_time=65,
    answer_time=30,
)
"""Orchestrators and Prometheus ask here, each on a few connections."""
_JSON: Final = "application/json"
METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format."""


class Checked(Protocol):
    """What has checks: a service."""

    name: str

    def checks(self) -> dict[str, bool]:
        """Return what must be true for this service to do its work, by name."""
        ...


Answer = tuple[int, str, bytes]


class HealthApp:
    """An ASGI application with three paths."""

    def __init__(self, services: Sequence[Checked]) -> None:
        self._services = services
        self._paths: Mapping[str, Callable[[], Answer]] = {
            "/health/live": self._live,
            "/health/ready": self._ready,
            "/metrics": self._metrics,
        }

    async def __call__(
        self, scope: Mapping[str, Any], _: object, send: Callable[[dict[str, Any]], Awaitable[None]]
    ) -> None:
        """Answer GET and HEAD; the server leaves the body of a HEAD out."""
        answer = self._paths.get(scope["path"])
        if answer is None:
            status, kind, body = 404, _JSON, b'{"error": "there are only /health/live, /health/ready and /metrics"}'
        elif scope["method"] not in ("GET", "HEAD"):
            status, kind, body = 405, _JSON, b'{"error": "only GET and HEAD"}'
        else:
            status, kind, body = answer()
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        if status == 405:
            headers.append((b"allow", b"GET, HEAD"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _live(self) -> Answer:
        return 200, _JSON, b'{"status": "ok"}'

    def _ready(self) -> Answer:
        checks = {f"{each.name}.{check}": ok for each in self._services for check, ok in each.checks().items()}
        is_ready = all(checks.values())
        return 200 if is_ready else 503, _JSON, json.dumps({"ready": is_ready, "checks": checks}).encode()

    def _metrics(self) -> Answer:
        return 200, METRICS, generate_latest(REGISTRY)
