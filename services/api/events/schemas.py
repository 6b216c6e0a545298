"""Events: what producers send over HTTP, and what their tenant is shown."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.api.deliveries.schemas import DeliverySummary
from services.api.http.schemas import AnswerModel, Page, Timestamp, optional
from shared.model.delivery import Delivery
from shared.model.event import StoredEvent


class EventIn(BaseModel):
    """A CloudEvents 1.0 event in structured JSON.

    Further members are extension attributes (lower-case letters and digits; a string, an integer of 32 bits or a
    boolean), which receivers get too.
    """

    model_config = ConfigDict(extra="allow")

    specversion: str = Field(default="1.0", pattern=r"^1\.0$")
    id: str = optional(
        min_length=1,
        max_length=256,
        description="Unique for the source; the same source and id again is the same event. "
        "May be left out where the header Idempotency-Key is sent, which is then the id.",
    )
    source: str = Field(min_length=1, max_length=256, description="Which system it comes from.")
    type: str = Field(
        min_length=1, max_length=128, pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+){0,7}$", examples=["certificate.issued"]
    )
    time: str = optional(description="When it happened; the time of arrival where it is left out.")
    tenantid: str = optional(
        min_length=1,
        max_length=256,
        description="Who it belongs to; without it the caller's tenant.",
    )
    subject: str | None = Field(default=None, min_length=1, max_length=256, description="What it is about.")
    datacontenttype: str = Field(default="application/json", description="JSON: this, or a type that ends in +json.")
    data: Any = Field(
        default=None, description="Passed on byte for byte, once it fits the schema of the type; null if left out."
    )


class EventSummary(AnswerModel):
    """An event of the tenant."""

    id: str = Field(examples=["evt_k5x2…"])
    source: str
    source_id: str = Field(description="The id that its producer gave it.")
    type: str
    time: str = Field(description="When it happened, as its producer wrote it.")
    subject: str | None
    uncatalogued: bool = Field(description="No event type of this name was known when it came.")
    matched: int = Field(description="How many deliveries it led to.")
    accepted_at: Timestamp
    dispatched_at: Timestamp | None = Field(description="When its deliveries were made; null until then.")

    @classmethod
    def of(cls, stored: StoredEvent) -> "EventSummary":
        """Return what lists show of an event."""
        return cls(**_shown(stored))


class EventPage(Page[EventSummary]):
    """A page of events."""


class SubscriptionVerdict(AnswerModel):
    """Whether the event was for one subscription, and what became of it."""

    subscription_id: str
    channel: str
    target: str
    matched: bool
    explanation: str = Field(description="Why not, or what became of it, in a sentence.")
    delivery: DeliverySummary | None


class ExplainedEvent(EventSummary):
    """An event, for each subscription what became of it, and the mails to people that it names."""

    subscriptions: list[SubscriptionVerdict]
    direct_deliveries: list[DeliverySummary] = Field(description="Mails to recipients that the event itself names.")

    @classmethod
    def explaining(
        cls, stored: StoredEvent, verdicts: Sequence[SubscriptionVerdict], direct: Sequence[Delivery]
    ) -> "ExplainedEvent":
        """Return everything that is shown of an event but its data."""
        return cls(
            **_shown(stored),
            subscriptions=list(verdicts),
            direct_deliveries=[DeliverySummary.of(delivery) for delivery in direct],
        )


class EventDetail(ExplainedEvent):
    """An event with everything about it."""

    datacontenttype: str
    extensions: dict[str, str | int | bool] = Field(description="Its extension attributes.")
    data: Any = Field(description="As it came, byte for byte.")


def _shown(stored: StoredEvent) -> dict[str, Any]:
    event = stored.event
    return {
        "id": event.id,
        "source": event.source,
        "source_id": event.source_id,
        "type": event.type,
        "time": event.time_text,
        "subject": event.subject,
        "uncatalogued": stored.uncatalogued,
        "matched": stored.matched,
        "accepted_at": stored.created_at,
        "dispatched_at": stored.dispatched_at,
    }


class EventTypeEntry(AnswerModel):
    """One type of event of the catalogue."""

    type: str
    description: str
    internal: bool = Field(description="Signalpost emits it itself; producers can't publish it.")
    data_schema: dict[str, Any] = Field(alias="schema", description="JSON Schema 2020-12 of `data`.")
    example: dict[str, Any] = Field(description="Data that fits the schema.")


class EventTypePage(Page[EventTypeEntry]):
    """The catalogue, on one page."""


class AcceptedEvent(AnswerModel):
    """The event is stored and on its way."""

    id: str = Field(description="Signalpost's id of the event.", examples=["evt_k5x2…"])
    duplicate: bool = Field(description="Whether the same event had come before; nothing is sent twice.")
