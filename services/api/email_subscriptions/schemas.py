"""Mail subscriptions: what a tenant's administrators send, and what they are shown."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from services.api.http.schemas import AnswerModel, Page, RequestModel, Timestamp
from services.api.webhooks.schemas import Patterns
from shared.model.reasons import DisabledReason
from shared.model.subscription import Subscription

MAX_ADDRESS = 320


class SubscriptionStatus(StrEnum):
    """What the recipient has decided."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class EmailSubscriptionCreate(RequestModel):
    """An address that is to get events by mail."""

    address: Annotated[
        str,
        Field(
            min_length=3,
            max_length=MAX_ADDRESS,
            description="A bare mail address; it gets nothing but a request to confirm until it has confirmed.",
            examples=["ops@example.com"],
        ),
    ]
    events: Patterns


class EmailSubscription(AnswerModel):
    """A mail subscription; a tenant has one for each address."""

    id: str = Field(examples=["es_k5x2…"])
    address: str
    events: list[str]
    status: SubscriptionStatus = Field(description="Only a `confirmed` one gets events.")
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, subscription: Subscription) -> "EmailSubscription":
        """Return what the tenant is shown of a mail subscription."""
        return cls(**_shown(subscription))


class RequestedEmailSubscription(EmailSubscription):
    """A mail subscription that was just asked for."""

    confirmation_delivery_id: str | None = Field(
        description="The delivery of the request to confirm that this call sent. Null where it sent none: the "
        "address has confirmed, or was asked within the last 10 minutes, or often enough for today."
    )

    @classmethod
    def asked(cls, subscription: Subscription, delivery_id: str | None) -> "RequestedEmailSubscription":
        """Return a mail subscription with what was sent to it."""
        return cls(**_shown(subscription), confirmation_delivery_id=delivery_id)


class EmailSubscriptionPage(Page[EmailSubscription]):
    """A page of mail subscriptions."""


def _shown(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "address": subscription.address,
        "events": list(subscription.events),
        "status": _status(subscription),
        "created_at": subscription.created_at,
        "updated_at": subscription.updated_at,
    }


def _status(subscription: Subscription) -> SubscriptionStatus:
    if subscription.confirmed:
        return SubscriptionStatus.CONFIRMED
    if subscription.disabled_reason == DisabledReason.UNSUBSCRIBED:
        return SubscriptionStatus.UNSUBSCRIBED
    return SubscriptionStatus.PENDING
