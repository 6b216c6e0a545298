"""A subscription: a webhook or a mail address of one tenant, and what it wants."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from yarl import URL

from shared.model.identity import delivery_id


class Origin(StrEnum):
    """The API that created a webhook; it decides the name of the hex signature's header."""

    API = "api"
    SIGNER = "signer"

    @property
    def hex_header(self) -> str:
        """The header that carries the hex signature."""
        return "X-Wipe-Signature" if self is Origin.API else "X-Guardian-Signature"

    @property
    def previous_hex_header(self) -> str:
        """The header that carries the old secret's hex signature while two secrets overlap."""
        return f"{self.hex_header}-Previous"


@dataclass(frozen=True, kw_only=True)
class StoredSecret:
    """What a webhook's document holds about one secret.

    Attributes:
        salt: 32 random bytes for this secret.
        key_id: the master key that it is derived from.
        sha256: hex SHA-256 of the whole secret text, to detect a wrong derivation.
    """

    salt: bytes
    key_id: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A webhook or a mail subscription of one tenant."""

    id: str
    tenant_id: str
    channel: str
    events: tuple[str, ...]
    """Patterns."""
    subject: str | None
    """Only events with this subject match; None matches every subject."""
    enabled: bool
    created_at: datetime
    updated_at: datetime
    url: str = ""
    address: str = ""
    confirmed: bool = True
    origin: Origin = Origin.API
    description: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    retry_schedule: tuple[float, ...] | None = None
    rate_limit: float | None = None
    """Requests per second; None for no limit."""
    secret: StoredSecret | None = None
    previous_secret: StoredSecret | None = None
    previous_expires_at: datetime | None = None
    consecutive_failures: int = 0
    disabled_reason: str | None = None
    disabled_at: datetime | None = None
    enabled_at: datetime | None = None
    """When its owner last enabled it again; what failed before that no longer counts."""

    @property
    def target(self) -> str:
        """Where it goes, safe for logs and dead letters: the address, or the URL without credentials and query."""
        if self.address:
            return self.address
        return str(URL(self.url).with_user(None).with_query(None).with_fragment(None))

    def delivery_for(self, event_id: str) -> str:
        """Return the id of the delivery of an event to this subscription."""
        return delivery_id(event_id=event_id, target=self.id)
