"""What the HTTP API reads from the environment."""

import re
from typing import Annotated, Final

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from shared.process.http_server.settings import HttpSettings
from shared.process.settings import LinkSettings, OutboundSettings, Words

MIN_SECRET_BYTES: Final = 32
"""RFC 7518, section 3.2: a key for HS256 is at least as long as its hash."""
DEVELOPMENT_JWT_SECRET: Final = "signalpost-development-only-not-a-secret"  # noqa: S105 - worthless by its name
"""Signs tokens in development where neither AUTH_JWT_SECRET nor AUTH_JWKS_URL is set."""

_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?")


class ApiSettings(HttpSettings, LinkSettings, OutboundSettings):
    """Settings of the HTTP API."""

    api_host: str = "0.0.0.0"  # noqa: S104 - it serves other machines
    """The address that API_PORT is opened on."""
    api_cors_origins: Words = frozenset()
    """Web sites whose scripts may call the API from a browser, each as https://host or https://host:port."""
    auth_jwt_secret: SecretStr = SecretStr("")
    """The key of HS256 tokens; empty refuses such tokens."""
    auth_jwks_url: Annotated[str, Field(validate_default=True)] = ""
    """Where the identity provider publishes the keys of RS256, ES256 and EdDSA tokens; empty refuses such tokens."""
    auth_issuer: str = ""
    """What a token's `iss` must be; empty checks nothing."""
    auth_audience: str = ""
    """What a token's `aud` must contain; empty checks nothing."""

    @field_validator("api_cors_origins")
    @classmethod
    def _origins(cls, value: frozenset[str]) -> frozenset[str]:
        if wrong := sorted(origin for origin in value if not _ORIGIN.fullmatch(origin)):
            raise ValueError(f"expected https://host or https://host:port, not {wrong[0]!r}")
        return value

    @field_validator("auth_jwt_secret")
    @classmethod
    def _strong_secret(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        secret = value.get_secret_value()
        if secret and len(secret.encode()) < MIN_SECRET_BYTES and _is_production(info):
            raise ValueError(f"expected {MIN_SECRET_BYTES} bytes or more, such as `openssl rand -hex 32` makes")
        return value

    @field_validator("auth_jwks_url")
    @classmethod
    def _tokens_can_be_judged(cls, value: str, info: ValidationInfo) -> str:
        if value and not re.match(r"https?://[^/\s]+", value):
            raise ValueError("expected https://host/path")
        secret: SecretStr | None = info.data.get("auth_jwt_secret")
        if not value and secret is not None and not secret.get_secret_value() and _is_production(info):
            raise ValueError("without it and without AUTH_JWT_SECRET no token could be accepted; set one of them")
        return value

    def jwt_secret(self) -> str:
        """Return the key of HS256 tokens; development without any key gets a fixed, worthless one; '' is none."""
        given = self.auth_jwt_secret.get_secret_value()
        if not given and not self.auth_jwks_url and not self.is_production:
            return DEVELOPMENT_JWT_SECRET
        return given


def _is_production(info: ValidationInfo) -> bool:
    return info.data.get("environment") == "production"
