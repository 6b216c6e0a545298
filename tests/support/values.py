"""Values for unit tests: an event, a task, a delivery and a webhook, each complete and changed by keyword."""

from datetime import UTC, datetime
from typing import Any

from shared.model.delivery import Delivery
from shared.model.event import Event
from shared.model.reasons import DeliveryState
from shared.model.subscription import Subscription
from shared.model.task import Task

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


def an_event(**changes: Any) -> Event:
    """An accepted event."""
    facts: dict[str, Any] = {
        "tenant_id": "org_1",
        "source": "/tests",
        "source_id": "1",
        "type": "certificate.issued",
        "time": NOON,
        "time_text": "2026-11-21T12:00:00Z",
        "subject": None,
        "data": b'{"certificate_id":"cert_42"}',
        "traceparent": None,
    }
    return Event(**facts | changes)


def a_task(**changes: Any) -> Task:
    """A first attempt on its way to a webhook."""
    facts: dict[str, Any] = {
        "channel": "webhook",
        "delivery_id": "dlv_1",
        "event_id": "evt_1",
        "event_type": "certificate.issued",
        "tenant_id": "org_1",
        "subscription_id": "wh_1",
        "attempt": 1,
        "not_before": 1_795_000_000_000,
        "traceparent": TRACEPARENT,
        "body": b'{"id":"evt_1","type":"certificate.issued","timestamp":"2026-11-21T12:00:00Z",'
        b'"tenant":"org_1","subject":null,"data":{}}',
    }
    return Task(**facts | changes)


def a_delivery(**changes: Any) -> Delivery:
    """A delivery that was never tried."""
    facts: dict[str, Any] = {
        "id": "dlv_1",
        "tenant_id": "org_1",
        "event_id": "evt_1",
        "event_type": "certificate.issued",
        "subscription_id": "wh_1",
        "channel": "webhook",
        "state": DeliveryState.PENDING,
        "created_at": NOON,
        "updated_at": NOON,
        "due_at": NOON,
        "target": "https://hooks.example.com/in",
    }
    return Delivery(**facts | changes)


def a_webhook(**changes: Any) -> Subscription:
    """An enabled webhook for everything."""
    facts: dict[str, Any] = {
        "id": "wh_1",
        "tenant_id": "org_1",
        "channel": "webhook",
        "events": ("*",),
        "subject": None,
        "enabled": True,
        "created_at": NOON,
        "updated_at": NOON,
        "url": "https://hooks.example.com/in",
    }
    return Subscription(**facts | changes)
