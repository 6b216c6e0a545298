"""ASGI middleware around the whole API, for what holds for every answer and every GET route."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CACHE_CONTROL: Final = b"cache-control"
NO_STORE: Final = (CACHE_CONTROL, b"no-store")
HSTS: Final = ("Strict-Transport-Security", "max-age=31536000")
"""For a year; without subdomains, which are not ours to decide on."""


class NoStore:
    """Has no answer stored anywhere, unless the answer itself says how it may be."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                for name, _ in headers:
                    if name == CACHE_CONTROL:
                        break
                else:
                    message["headers"] = [*headers, NO_STORE]
            await send(message)

        await self._app(scope, receive, sending)


class HeadAsGet:
    """Answers HEAD wherever GET is answered; the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send)
        finally:
            if "route" in as_get:  # for the log
                scope["route"] = as_get["route"]


def every_answers_headers(public_url: str) -> list[tuple[str, str]]:
    """Return the headers that the server gives every answer, its own refusals included."""
    headers = [("X-Content-Type-Options", "nosniff")]
    return [*headers, HSTS] if public_url.startswith("https:") else headers
