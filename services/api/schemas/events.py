"""Events: what producers send over HTTP, and what their tenant is shown."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.api.schemas.common import AnswerModel


class EventIn(BaseModel):
    """A CloudEvents 1.0 event in structured JSON; extension attributes are ignored.

    Documents the request only: an event is read by `services.api.ingest`, which leaves `data` untouched.
    """

    model_config = ConfigDict(extra="allow")

    specversion: str = Field(default="1.0", pattern=r"^1\.0$")
    id: str = Field(
        default="",
        min_length=1,
        max_length=256,
        description="Unique for the source; the same source and id again is the same event. "
        "May be left out where the header Idempotency-Key is sent, which is then the id.",
    )
    source: str = Field(min_length=1, max_length=256, description="Which system it comes from.")
    type: str = Field(
        min_length=1, max_length=128, pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+){0,7}$", examples=["certificate.issued"]
    )
    time: str = Field(default="", description="When it happened; the time of arrival where it is left out.")
    tenantid: str = Field(
        default="",
        min_length=1,
        max_length=256,
        description="Who it belongs to; without it the caller's tenant.",
    )
    subject: str | None = Field(default=None, min_length=1, max_length=256, description="What it is about.")
    datacontenttype: str = Field(default="application/json")
    data: Any = Field(description="Passed on byte for byte, once it fits the schema of the type.")


class AcceptedEvent(AnswerModel):
    """The event is stored and on its way."""

    id: str = Field(description="Signalpost's id of the event.", examples=["evt_k5x2…"])
    duplicate: bool = Field(description="Whether the same event had come before; nothing is sent twice.")
