"""The settings under which demo and `make run` start the services: development, with keys made up for this run."""

import base64
import os
import secrets

from services.api.settings import ApiSettings
from services.cli.tools import development_token as token_for
from shared.process.settings import load

_PASSED_ON = ("NOTIFICATION_", "SECURITY_", "AUTH_", "OTEL_", "LOG_", "SECRETS_", "RETENTION_", "EVENT_TYPES_")


def development_settings() -> dict[str, str]:
    """Return the settings; what the environment says about the services wins."""
    given = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    return {
        "ENVIRONMENT": "development",
        "LOG_FORMAT": "console",
        "AUTH_JWT_SECRET": secrets.token_hex(32),
        "SECRETS_MASTER_KEYS": f"local:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "SECURITY_OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
        "NOTIFICATION_SMTP_FROM": "Signalpost <no-reply@signalpost.example>",
    } | given


def development_token(settings: dict[str, str], *, tenant: str) -> str:
    """Return a token with every role for this tenant, good for a day."""
    api = load(
        ApiSettings,
        environment="development",
        auth_jwt_secret=settings["AUTH_JWT_SECRET"],
        auth_issuer=settings.get("AUTH_ISSUER", ""),
        auth_audience=settings.get("AUTH_AUDIENCE", ""),
    )
    return token_for(api, sub="developer", org=tenant, roles=["CLIENT_ADMIN", "PRODUCER"], hours=24)
