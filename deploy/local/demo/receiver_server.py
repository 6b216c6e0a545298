"""The demo's receiver, a process of its own that knows nothing but the secrets it was given.

It verifies each webhook with the independent `standardwebhooks` library and the hex header with plain hmac, as a
customer's program would; `/flaky` fails twice first, `/refusing` answers 404. `GET /received` tells the rest.
"""

import argparse
import hashlib
import hmac
import time
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

_SECRETS: web.AppKey[dict[str, str]] = web.AppKey("secrets")
_RECEIVED: web.AppKey[list[dict[str, Any]]] = web.AppKey("received")
_HEX_HEADERS = ("X-Wipe-Signature", "X-Guardian-Signature")
_FAILURES_FIRST = 2


async def put_secret(request: web.Request) -> web.Response:
    """`PUT /secrets/{path}`: the secret of the webhook that posts to that path."""
    request.app[_SECRETS][request.match_info["path"]] = (await request.read()).decode()
    return web.Response(status=204)


async def received(request: web.Request) -> web.Response:
    """`GET /received`: everything that came, and whether its signatures are right."""
    return web.json_response(request.app[_RECEIVED])


async def hook(request: web.Request) -> web.Response:
    """`POST /hooks/{path}`: a webhook."""
    path, body = request.match_info["path"], await request.read()
    status = _status(path, sum(record["path"] == path for record in request.app[_RECEIVED]))
    request.app[_RECEIVED].append(
        {
            "path": path,
            "at": time.time(),
            "status": status,
            "attempt": request.headers["X-Delivery-Attempt"],
            "webhook_id": request.headers["webhook-id"],
            "traceparent": request.headers["traceparent"],
            "type": (await request.json())["type"],
            "standard_ok": _standard_ok(request, body),
            "hex_header": next((name for name in _HEX_HEADERS if name in request.headers), None),
            "hex_ok": _hex_ok(request, body),
        }
    )
    return web.Response(status=status, text="received" if status == 200 else "not now")


def _status(path: str, earlier: int) -> int:
    if path == "refusing":
        return 404
    return 500 if path == "flaky" and earlier < _FAILURES_FIRST else 200


def _secret(request: web.Request) -> str:
    return request.app[_SECRETS][request.match_info["path"]]


def _standard_ok(request: web.Request, body: bytes) -> bool:
    try:
        Webhook(_secret(request)).verify(body, dict(request.headers.items()))
    except WebhookVerificationError:
        return False
    return True


def _hex_ok(request: web.Request, body: bytes) -> bool:
    expected = "sha256=" + hmac.new(_secret(request).encode(), body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(request.headers.get(name, ""), expected) for name in _HEX_HEADERS)


def main() -> None:
    """Serve on loopback until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    app = web.Application()
    app[_SECRETS], app[_RECEIVED] = {}, []
    app.add_routes(
        [
            web.put("/secrets/{path}", put_secret),
            web.get("/received", received),
            web.post("/hooks/{path}", hook),
        ]
    )
    web.run_app(app, host="127.0.0.1", port=parser.parse_args().port, print=None, access_log=None)


if __name__ == "__main__":
    main()
