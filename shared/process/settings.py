"""Settings, read from the environment only; every name is part of the interface.

A service inherits from the classes that it needs. `load` turns each mistake into one line that names the variable,
its value and the values allowed.
"""

import ipaddress
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from shared.model.retry import RetrySchedule, parse_duration
from shared.secrets.keyring import Keyring
from shared.secrets.signed_links import Links
from shared.telemetry.settings import TelemetrySettings
from signalpost.amqp.urls import each_url

Transport = Literal["disabled", "webhook", "smtp"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9.\[\]:-]{1,255}(/[A-Za-z0-9._~/-]{0,200})?")  # fits a header's line


def _seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _words(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    # pydantic would report a wrong network twice: as an invalid IPv4Network and as an invalid IPv6Network.
    return [ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip()]


def _schedule(value: object) -> object:
    return RetrySchedule.parse(value) if isinstance(value, str) else value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=86_400)]
Words = Annotated[frozenset[str], NoDecode, BeforeValidator(_words)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
Codes = Annotated[frozenset[Annotated[int, Field(ge=400, le=499)]], NoDecode, BeforeValidator(_words)]
Schedule = Annotated[RetrySchedule, NoDecode, BeforeValidator(_schedule)]


class InvalidSettings(Exception):
    """The environment can't be used; the text is one line for each variable at fault."""


class CoreSettings(TelemetrySettings):
    """What every process needs."""

    environment: Literal["development", "production"] = "production"
    """`development` allows http targets, made-up keys and `worker token`."""
    amqp_url: SecretStr = SecretStr("amqp://guest:guest@127.0.0.1:5672/")
    """The broker: amqp(s)://user:password@host:port/vhost; for a cluster one for each node, separated by commas."""
    mongodb_url: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?replicaSet=rs0")
    """The database: a replica set, because only a majority write survives a crash."""
    mongodb_database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")] = "signalpost"
    """The name of the database."""
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """The port of `/health/live`, `/health/ready` and `/metrics`; 0 lets the system choose a free one."""
    health_host: str = "0.0.0.0"  # noqa: S104 - the orchestrator probes from outside the pod
    """The address that HEALTH_PORT is opened on."""
    notification_transport: Transport = "smtp"
    """What is sent: nothing, webhooks, or webhooks and mails; the rest is recorded as skipped."""
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Days for which events and deliveries are kept."""
    event_types_file: str | None = None
    """A JSON file with this deployment's own event types (docs/events.md)."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The lowest level of log lines that are written."""
    log_format: Literal["json", "console"] = "json"
    """`json` is for machines, `console` for a person at a terminal."""

    @field_validator("amqp_url")
    @classmethod
    def _amqp_scheme(cls, value: SecretStr) -> SecretStr:
        each_url(value.get_secret_value())
        return value

    @field_validator("mongodb_url")
    @classmethod
    def _mongodb_scheme(cls, value: SecretStr) -> SecretStr:
        if not re.match(r"mongodb(\+srv)?://", value.get_secret_value()):
            raise ValueError("expected mongodb://host:port/?replicaSet=name or mongodb+srv://…")
        return value

    @property
    def is_production(self) -> bool:
        """Whether the strict rules apply."""
        return self.environment == "production"


class SecretsSettings(CoreSettings):
    """For processes that use secrets derived from the master keys."""

    secrets_master_keys: SecretStr = SecretStr("")
    """Derive secrets and signed links: id:base64,id:base64, the newest first (`openssl rand -base64 32`)."""

    @model_validator(mode="after")
    def _usable_keys(self) -> "SecretsSettings":
        if not self.secrets_master_keys.get_secret_value() and not self.is_production:
            return self
        Keyring.parse(self.secrets_master_keys.get_secret_value())
        return self

    def keyring(self) -> Keyring:
        """Return the master keys; development has a fixed default, which protects nothing."""
        return Keyring.parse(self.secrets_master_keys.get_secret_value() or DEVELOPMENT_MASTER_KEYS)


DEVELOPMENT_MASTER_KEYS = "development:c2lnbmFscG9zdCBkZXZlbG9wbWVudCBtYXN0ZXIga2V5"


class LinkSettings(SecretsSettings):
    """For processes that create or accept the signed links in mails."""

    api_port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """The API's port; 0 lets the system choose a free one."""
    public_url: str = ""
    """Where recipients of mails reach the API (https://…); without it production takes no e-mail subscriptions."""

    @field_validator("public_url")
    @classmethod
    def _reachable(cls, value: str, info: ValidationInfo) -> str:
        if value and not _PUBLIC_URL.fullmatch(value):
            raise ValueError("expected https://host or https://host/path, without credentials and query")
        if value.startswith("http:") and info.data.get("environment") == "production":
            raise ValueError("expected https://…: over plain http, others could read and use the links")
        return value.rstrip("/")

    def links(self) -> Links | None:
        """Return what creates and accepts signed links; None in production without PUBLIC_URL."""
        local = "" if self.is_production else f"http://127.0.0.1:{self.api_port}"
        base_url = self.public_url or local
        return Links(self.keyring().link_keys(), base_url) if base_url else None


class OutboundSettings(CoreSettings):
    """For processes that check or dial customers' URLs."""

    security_outbound_allowed_hosts: Words = frozenset()
    """Host names that webhooks may use although they resolve to private addresses."""
    security_outbound_allowed_networks: Networks = ()
    """Networks, such as 10.2.0.0/16, that webhooks may use although they are private."""


class DeliverySettings(CoreSettings):
    """How deliveries are attempted, for both channels."""

    notification_retry_schedule: Schedule = RetrySchedule((1.0, 5.0, 25.0))
    """The waits between attempts: n waits allow n + 1 attempts."""
    notification_auto_disable_after: Annotated[int, Field(ge=1, le=1000)] = 10
    """The number of consecutive dead deliveries after which a webhook is disabled."""
    notification_reconcile_after: Seconds = 60.0
    """How long past its due time a delivery counts as stuck, if its queue is empty, and is published again."""


SettingsT = TypeVar("SettingsT", bound=CoreSettings)


def load(settings: type[SettingsT], **overrides: Any) -> SettingsT:
    """Read the settings from the environment.

    Raises:
        InvalidSettings: one line for each wrong variable, never with a secret's value.
    """
    try:
        return settings(**overrides)
    except ValidationError as error:
        raise InvalidSettings("\n".join(_line(settings, item) for item in error.errors())) from None


def _line(settings: type[CoreSettings], item: Any) -> str:
    name = str(item["loc"][0]) if item["loc"] else "secrets_master_keys"
    field = settings.model_fields.get(name)
    held = item.get("input")
    secret = field is None or field.annotation is SecretStr or "Secret" in str(field.annotation)
    shown = "(a secret, not shown)" if secret or not isinstance(held, str) else repr(held[:200])
    return f"{name.upper()} holds {shown}: {item['msg'].removeprefix('Value error, ')}"
