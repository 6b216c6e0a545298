"""The HTTP application: which routers it has, and what stands around all of them.

To add a resource, make a folder with `routes.py`, `schemas.py` and, where it has one, `service.py`, and list its
router in `_ROUTERS`.
"""

from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from services.api.billing_exports import routes as billing_exports
from services.api.branding import routes as branding
from services.api.dead_letters import routes as dead_letters
from services.api.deliveries import recover
from services.api.deliveries import routes as deliveries
from services.api.email_subscriptions import link_routes
from services.api.email_subscriptions import routes as email_subscriptions
from services.api.event_types import asyncapi_routes
from services.api.event_types import routes as event_types
from services.api.events import routes as events
from services.api.events.schemas import EventIn
from services.api.health import routes as health
from services.api.http.access_log import AccessLog
from services.api.http.answers import HeadAsGet
from services.api.http.auth_gate import AuthGate
from services.api.http.body_guard import BodyGuard
from services.api.http.context import ApiContext
from services.api.http.openapi import add_openapi
from services.api.http.problems import add_handlers
from services.api.signers import routes as signers
from services.api.webhooks import routes as webhooks

_ROUTERS = (
    webhooks.router,
    recover.router,
    signers.router,
    deliveries.router,
    dead_letters.router,
    events.router,
    event_types.router,
    asyncapi_routes.router,
    branding.router,
    email_subscriptions.router,
    link_routes.router,
    billing_exports.router,
    health.router,
)


def create_app(context: ApiContext) -> FastAPI:
    """Return the application that works through this context."""
    app = FastAPI(
        title="Signalpost",
        version=version("signalpost-server"),
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        generate_unique_id_function=lambda route: route.name,
        redirect_slashes=False,  # a redirect would lose the body, and a token might follow it elsewhere
    )
    app.state.context = context
    for router in _ROUTERS:
        app.include_router(router)
    add_handlers(app)
    add_openapi(app, EventIn)
    # Starlette puts the last one outside: log, then other sites' scripts, then token, then body, then routes.
    app.add_middleware(HeadAsGet)
    app.add_middleware(BodyGuard)
    app.add_middleware(AuthGate, authenticator=context.authenticator)
    if context.settings.api_cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(context.settings.api_cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "traceparent"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(AccessLog)
    return app
