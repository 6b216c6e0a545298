"""ASGI middleware that reads a request's body before anything looks at it, and refuses what is too big or no JSON.

Bodies are at most about a megabyte, so holding one costs little, and no handler has to think of half a body.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.http.auth_gate import LINK_PATHS
from services.api.http.problems import Problem
from shared.model.event import MAX_EVENT_BYTES

DRAINED_BYTES = 16 * MAX_EVENT_BYTES
"""What is too big is still read up to here and thrown away: closing a connection that has unread bytes resets it,
and the caller would never see the answer."""
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class BodyGuard:
    """Answers 413 and 415, or passes the request on with its body complete."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY or scope["path"] in LINK_PATHS:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            body = await _read(headers, receive)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        if body is None:  # the caller went away
            return
        await self._app(scope, _replay(body, receive), send)


async def _read(headers: Headers, receive: Receive) -> bytes | None:
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > DRAINED_BYTES:
        raise _too_large()
    chunks: list[bytes] = []
    total, more = 0, True
    while more and total <= DRAINED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        total += len(chunk)
        if total <= MAX_EVENT_BYTES:
            chunks.append(chunk)
        more = message.get("more_body", False)
    if total > MAX_EVENT_BYTES:
        raise _too_large()
    if total and not _is_json(headers.get("content-type", "")):
        detail = "Send the body as JSON, with the header Content-Type: application/json."
        raise Problem(415, "unsupported_media_type", detail)
    return b"".join(chunks)


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


def _too_large() -> Problem:
    return Problem(
        413,
        "body_too_large",
        f"The body has more than {MAX_EVENT_BYTES} bytes; send less.",
        headers={"Connection": "close"},
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed
