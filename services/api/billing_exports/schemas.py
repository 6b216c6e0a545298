"""Billing exports: what came of the mails about one."""

from pydantic import Field

from services.api.http.schemas import AnswerModel, Page, Timestamp
from shared.model.delivery import Delivery
from shared.model.reasons import UNFINISHED, DeliveryState


class ExportDelivery(AnswerModel):
    """The mail about an export to one recipient."""

    id: str = Field(description="`/api/v1/deliveries/{id}` shows every attempt.", examples=["dlv_k5x2…"])
    event_id: str
    export_id: str
    recipient: str
    state: DeliveryState
    attempts: int = Field(description="Attempts made so far.")
    message_id: str | None = Field(description="The mail's Message-ID, the same in every attempt; null before.")
    last_error: str | None = Field(description="What the last attempt failed with; null after a success.")
    created_at: Timestamp
    updated_at: Timestamp
    next_attempt_at: Timestamp | None = Field(description="When it is tried next; null when it is finished.")
    delivered_at: Timestamp | None = Field(description="When the mail server took it.")

    @classmethod
    def of(cls, delivery: Delivery) -> "ExportDelivery":
        """Return what is recorded about a mail."""
        return cls(
            id=delivery.id,
            event_id=delivery.event_id,
            export_id=delivery.export_id,
            recipient=delivery.recipient,
            state=delivery.state,
            attempts=delivery.attempts_made,
            message_id=delivery.message_id or None,
            last_error=delivery.last_error or None,
            created_at=delivery.created_at,
            updated_at=delivery.updated_at,
            next_attempt_at=delivery.due_at if delivery.state in UNFINISHED else None,
            delivered_at=delivery.updated_at if delivery.state is DeliveryState.DELIVERED else None,
        )


class ExportDeliveryPage(Page[ExportDelivery]):
    """A page of mails about an export."""
