"""Filters that several lists share, as parameters of routes."""

from typing import Annotated

from fastapi import Depends, Query

from services.api.deliveries.schemas import Channel
from services.api.http.schemas import RequestTime
from shared.model.reasons import DeliveryState
from shared.storage.tenant.deliveries import DeliveryFilter

MAX_TEXT = 300

Since = Annotated[RequestTime | None, Query(description="Only what was recorded at this time or later.")]
Until = Annotated[RequestTime | None, Query(description="Only what was recorded before this time.")]


def _delivery_filter(
    status: Annotated[DeliveryState | None, Query(description="Where the delivery stands.")] = None,
    type_: Annotated[str | None, Query(alias="type", max_length=MAX_TEXT, description="The event's type.")] = None,
    event: Annotated[str | None, Query(max_length=MAX_TEXT, description="The event's id (`evt_…`).")] = None,
    channel: Annotated[Channel | None, Query()] = None,
    since: Since = None,
    until: Until = None,
) -> DeliveryFilter:
    return DeliveryFilter(
        states=None if status is None else (status,),
        event_type=type_,
        event_id=event,
        channel=channel,
        since=since,
        until=until,
    )


Filter = Annotated[DeliveryFilter, Depends(_delivery_filter)]
"""Which deliveries a caller asked for, as a route's parameter."""
