"""One valid thing of each kind, with what a test cares about changed."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from shared.model.delivery import Delivery
from shared.model.event import Event
from shared.model.reasons import DeliveryState
from shared.model.subscription import Subscription
from shared.model.task import Task

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
TENANT = "org_1"


def an_event(**changes: Any) -> Event:
    """An event that nobody else has."""
    values: dict[str, Any] = {
        "tenant_id": TENANT,
        "source": "/tests",
        "source_id": uuid4().hex,
        "type": "certificate.issued",
        "time": NOW,
        "time_text": "2026-11-21T10:00:00Z",
        "subject": "certificates/cert_42",
        "data": b'{"certificate_id":"cert_42"}',
        "traceparent": "",
    }
    return Event(**values | changes)


def a_subscription(**changes: Any) -> Subscription:
    """An enabled webhook for certificates."""
    values: dict[str, Any] = {
        "id": f"wh_{uuid4().hex}",
        "tenant_id": TENANT,
        "channel": "webhook",
        "events": ("certificate.issued",),
        "subject": None,
        "enabled": True,
        "created_at": NOW,
        "updated_at": NOW,
        "url": "https://receiver.example/hook",
    }
    return Subscription(**values | changes)


def a_delivery(**changes: Any) -> Delivery:
    """A delivery that waits for its first attempt."""
    values: dict[str, Any] = {
        "id": f"dlv_{uuid4().hex}",
        "tenant_id": TENANT,
        "event_id": "evt_1",
        "event_type": "certificate.issued",
        "subscription_id": "wh_1",
        "channel": "webhook",
        "state": DeliveryState.PENDING,
        "created_at": NOW,
        "updated_at": NOW,
        "target": "https://receiver.example/hook",
    }
    return Delivery(**values | changes)


def a_task(**changes: Any) -> Task:
    """A first attempt that is due."""
    values: dict[str, Any] = {
        "channel": "webhook",
        "delivery_id": "dlv_1",
        "event_id": "evt_1",
        "event_type": "certificate.issued",
        "tenant_id": TENANT,
        "subscription_id": "wh_1",
        "attempt": 1,
        "not_before": 0,
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "body": b'{"id":"evt_1","type":"certificate.issued","timestamp":"2026-11-21T10:00:00Z","tenant":"org_1",'
        b'"subject":"certificates/cert_42","data":{}}',
    }
    return Task(**values | changes)
