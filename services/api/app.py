"""The HTTP application: which routers it has, and what stands around all of them.

To add a kind of object, write `routes/<kind>.py` with a `router`, and list it in `_ROUTERS`.
"""

from importlib.metadata import version

from fastapi import FastAPI

from services.api.access_log import AccessLog
from services.api.auth_gate import AuthGate
from services.api.body_guard import BodyGuard
from services.api.context import ApiContext
from services.api.openapi import add_openapi
from services.api.problems import add_handlers
from services.api.routes import (
    asyncapi,
    billing_exports,
    branding,
    dead_letters,
    deliveries,
    email_subscriptions,
    event_types,
    events,
    health,
    recover,
    signers,
    subscription_links,
    webhooks,
)

_ROUTERS = (
    webhooks.router,
    recover.router,
    signers.router,
    deliveries.router,
    dead_letters.router,
    events.router,
    event_types.router,
    asyncapi.router,
    branding.router,
    email_subscriptions.router,
    subscription_links.router,
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
    add_openapi(app)
    # Starlette puts the last one outside: log, then token, then body, then routes.
    app.add_middleware(BodyGuard)
    app.add_middleware(AuthGate, authenticator=context.authenticator)
    app.add_middleware(AccessLog)
    return app
