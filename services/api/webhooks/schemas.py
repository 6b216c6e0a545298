"""Webhooks: what their owners send, and what they are shown."""

from typing import Annotated, Any

from pydantic import Field

from services.api.http.schemas import AnswerModel, Count, Flag, Page, RequestModel, Timestamp, optional
from shared.model.patterns import MAX_TYPE_CHARS
from shared.model.retry import MAX_RETRY_AFTER, MAX_SCHEDULE_STEPS, duration_text
from shared.model.subscription import Subscription
from shared.outbound.custom_headers import MAX_CUSTOM_HEADERS
from shared.outbound.policy import MAX_URL_LENGTH

MAX_EVENTS = 100
MAX_DESCRIPTION = 500
DEFAULT_OVERLAP_SECONDS = 86_400
MAX_OVERLAP_SECONDS = 7 * 86_400
MIN_RATE_LIMIT, MAX_RATE_LIMIT = 0.01, 1000
"""Requests per second."""

Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL_LENGTH,
        description="Where events are posted: an https URL with a public address.",
        examples=["https://hooks.example.com/signalpost"],
    ),
]
Patterns = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=MAX_TYPE_CHARS)]],
    Field(
        min_length=1,
        max_length=MAX_EVENTS,
        description="Which events are wanted: exact types, `segment.*` (one or more further segments), or `*`.",
        examples=[["certificate.issued", "signer.*"]],
    ),
]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION, description="A note for people.")]
Headers = Annotated[
    dict[str, str],
    Field(
        max_length=MAX_CUSTOM_HEADERS,
        description="Headers added to every request. Their values are shown to the tenant's administrators.",
        examples=[{"X-Environment": "staging"}],
    ),
]
Seconds = Annotated[float, Field(strict=True, ge=0, le=MAX_RETRY_AFTER, allow_inf_nan=False)]
RetrySchedule = Annotated[
    list[Annotated[str, Field(max_length=20)] | Seconds],
    Field(
        max_length=MAX_SCHEDULE_STEPS,
        description="The waits between attempts, as durations (`5s`, `2m`, `1h`) or seconds, each at most 24 h. "
        "An empty list means one attempt only; null means the deployment's own schedule.",
        examples=[["1s", "5s", "25s"]],
    ),
]

RateLimit = Annotated[
    float,
    Field(
        strict=True,
        ge=MIN_RATE_LIMIT,
        le=MAX_RATE_LIMIT,
        allow_inf_nan=False,
        description="The most requests per second that are sent to this webhook, evenly spaced; what has to wait for "
        "that costs no attempt. Null means no limit.",
        examples=[10],
    ),
]


class WebhookCreate(RequestModel):
    """A new webhook."""

    url: Url
    events: Patterns
    description: Description = ""
    headers: Headers = Field(default={})
    enabled: Flag = Field(default=True, description="A disabled webhook's events are recorded but not sent.")
    retry_schedule: RetrySchedule | None = None
    rate_limit: RateLimit | None = None


class WebhookPatch(RequestModel):
    """Changes to a webhook: fields that are absent stay as they are; null brings an optional one's default back."""

    url: Url = optional()
    events: Patterns = optional()
    description: Description | None = None
    headers: Headers | None = None
    enabled: Flag = optional(description="True also sets the count of failures to 0.")
    retry_schedule: RetrySchedule | None = None
    rate_limit: RateLimit | None = None


class Webhook(AnswerModel):
    """A webhook."""

    id: str = Field(examples=["wh_mfzwizltoq2gk3tfon2w4z3bmy"])
    url: str
    events: list[str]
    description: str
    headers: dict[str, str]
    enabled: bool
    disabled_reason: str | None = Field(
        description="`owner`, `gone` (the receiver answered 410) or `consecutive_failures`; null while enabled."
    )
    disabled_at: Timestamp | None
    consecutive_failures: int = Field(description="Deliveries that ended dead since the last delivered one.")
    retry_schedule: list[str] | None = Field(description="Null means the deployment's own.")
    rate_limit: float | None = Field(description="Requests per second; null means no limit.")
    subject: str | None = Field(
        description="`signers/{signer_id}` for a signer's webhook: it gets that signer's events only."
    )
    previous_secret_expires_at: Timestamp | None = Field(
        description="Until when requests are signed with the secret before the last rotation too."
    )
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, webhook: Subscription) -> "Webhook":
        """Return what the tenant is shown of a webhook."""
        return cls(**_shown(webhook))


class WebhookWithSecret(Webhook):
    """A webhook with its secret, which is shown this one time only."""

    secret: str = Field(
        description="Signs every request; `whsec_` + base64. Keep it: it can't be shown again.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    @classmethod
    def revealing(cls, webhook: Subscription, secret: str) -> "WebhookWithSecret":
        """Return a webhook with its new secret."""
        return cls(**_shown(webhook), secret=secret)


class WebhookPage(Page[Webhook]):
    """A page of webhooks."""


class RotateSecret(RequestModel):
    """How to rotate a secret."""

    overlap_seconds: Count = Field(
        default=DEFAULT_OVERLAP_SECONDS,
        ge=0,
        le=MAX_OVERLAP_SECONDS,
        description="How long the old secret goes on signing beside the new one; 0 ends it at once.",
    )


class SentTest(AnswerModel):
    """A test event is on its way."""

    event_id: str
    delivery_id: str = Field(description="Look at `/api/v1/deliveries/{delivery_id}` for what came of it.")


def _shown(webhook: Subscription) -> dict[str, Any]:
    schedule = webhook.retry_schedule
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": list(webhook.events),
        "description": webhook.description,
        "headers": webhook.headers,
        "enabled": webhook.enabled,
        "disabled_reason": webhook.disabled_reason,
        "disabled_at": webhook.disabled_at,
        "consecutive_failures": webhook.consecutive_failures,
        "retry_schedule": None if schedule is None else [duration_text(wait) for wait in schedule],
        "rate_limit": webhook.rate_limit,
        "subject": webhook.subject,
        "previous_secret_expires_at": webhook.previous_expires_at,
        "created_at": webhook.created_at,
        "updated_at": webhook.updated_at,
    }
