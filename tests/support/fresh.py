"""The values of `tests.support.values`, each with an id of its own, for tests that store several."""

from typing import Any
from uuid import uuid4

from shared.model.delivery import Delivery
from shared.model.event import Event
from shared.model.subscription import Subscription
from shared.model.task import Task
from tests.support import values

NOW = values.NOON
TENANT = "org_1"


def an_event(**changes: Any) -> Event:
    """An event that nobody else has."""
    return values.an_event(**{"source_id": uuid4().hex, "traceparent": ""} | changes)


def a_subscription(**changes: Any) -> Subscription:
    """An enabled webhook for certificates."""
    return values.a_webhook(**{"id": f"wh_{uuid4().hex}", "events": ("certificate.issued",)} | changes)


def a_delivery(**changes: Any) -> Delivery:
    """A delivery that waits for its first attempt and owes nothing else."""
    return values.a_delivery(**{"id": f"dlv_{uuid4().hex}", "due_at": None} | changes)


def a_task(**changes: Any) -> Task:
    """A first attempt that is due."""
    return values.a_task(**{"not_before": 0} | changes)
