"""Nobody gets past here without a valid token, but for the few paths that are public: also routes added later.

An ASGI middleware, because FastAPI reads and parses a body before it looks at dependencies; a caller without a
token should learn nothing else than that. The roles are the routes' business.
"""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.http.auth import Authenticator, Caller, Role
from services.api.http.problems import Problem, not_found

LINK_PATHS = frozenset({"/email-subscriptions/confirm", "/email-subscriptions/unsubscribe"})
"""Where the signed links in mails lead: the link is the right, and browsers and mail programs post forms here."""
PUBLIC_PATHS = LINK_PATHS | {"/health/live", "/health/ready", "/openapi.json", "/asyncapi.json", "/docs"}


class AuthGate:
    """Puts the caller into the request's state, or answers 401."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app, self._authenticator = app, authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and scope["path"] not in PUBLIC_PATHS:
            try:
                caller = await self._authenticator.authenticate(Headers(scope=scope).get("authorization"))
            except Problem as problem:
                await problem.response()(scope, receive, send)
                return
            scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)


_bearer = HTTPBearer(
    bearerFormat="JWT", auto_error=False, description="A JWT with `sub`, `roles` and maybe `org_id`."
)


def _caller(request: Request, _: Annotated[object, Depends(_bearer)]) -> Caller:
    caller: Caller = request.state.caller
    return caller


class _Require:
    """A dependency that lets only callers with one of these roles pass."""

    def __init__(self, *roles: Role) -> None:
        self._roles = roles

    def __call__(self, caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if caller.roles.isdisjoint(self._roles):
            named = " or ".join(role.value for role in self._roles)
            raise Problem(403, "missing_role", f"This needs the role {named}; the token does not give it.")
        return caller


def _signer_owner(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    """Let an owner pass: without an organisation the caller is the tenant; within one it takes an administrator."""
    if caller.org_id is not None and caller.roles.isdisjoint({Role.CLIENT_ADMIN, Role.SIGNER_ADMIN}):
        raise not_found("signer")  # as if it did not exist: nothing tells others which signers there are
    return caller


AnyCaller = Annotated[Caller, Depends(_caller)]
"""Anybody who is signed in."""
ClientAdmin = Annotated[Caller, Depends(_Require(Role.CLIENT_ADMIN))]
"""An administrator of the tenant."""
SignerOwner = Annotated[Caller, Depends(_signer_owner)]
"""Somebody who may manage a signer's webhooks."""
Producer = Annotated[Caller, Depends(_Require(Role.PRODUCER, Role.PLATFORM_PRODUCER))]
"""A service that publishes events."""
