"""What both peers share: their rows in MongoDB, the signature, and the tasks that fill their queue.

The rows are as majority-written and as large as ours; a delivery's exists as pending before its task does.
"""

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from pymongo import MongoClient
from pymongo.database import Database

from benchmarks.system import certificate_event
from shared.model.event import webhook_body

AMQP_URL = os.environ.get("PEER_AMQP_URL", "")
MONGODB_URL = os.environ.get("PEER_MONGODB_URL", "")
DATABASE = os.environ.get("PEER_DATABASE", "")
QUEUE = "peer.deliveries"
TIMEOUT = 10.0
"""Seconds for a request, as ours."""
TENANTS = 20

Row = dict[str, Any]


class DeliveryTask(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery to make."""

    delivery_id: str
    subscription_id: str
    event_id: str
    body: str


def seed(receiver_url: str, count: int) -> list[DeliveryTask]:
    """Store the subscriptions and `count` pending deliveries, and return their tasks."""
    client: MongoClient[Row] = MongoClient(MONGODB_URL, w="majority")
    with client:
        rows: Database[Row] = client[DATABASE]
        rows.subscriptions.insert_many(
            [
                {"_id": f"wh_{n}", "url": f"{receiver_url}/wh_{n}", "enabled": True, "secret": os.urandom(32).hex()}
                for n in range(TENANTS)
            ]
        )
        now = datetime.now(UTC)
        facts = {"state": "pending", "attempts_made": 0, "attempts": [], "created_at": now, "updated_at": now}
        rows.deliveries.insert_many(
            [
                {"_id": f"dlv_{n}", "tenant_id": f"org_{n % TENANTS}", "subscription_id": f"wh_{n % TENANTS}"} | facts
                for n in range(count)
            ]
        )
    return [_task(n) for n in range(count)]


def _task(number: int) -> DeliveryTask:
    event = certificate_event(number, tenant=f"org_{number % TENANTS}")
    return DeliveryTask(
        delivery_id=f"dlv_{number}",
        subscription_id=f"wh_{number % TENANTS}",
        event_id=event.id,
        body=webhook_body(event).decode(),
    )


def signed_headers(task: DeliveryTask, secret: str) -> dict[str, str]:
    """Return the headers of a request, signed as Standard Webhooks asks."""
    timestamp = str(int(time.time()))
    signed = f"{task.event_id}.{timestamp}.{task.body}".encode()
    signature = base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": task.event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }


def outcome(status: int, began: float) -> Mapping[str, Any]:
    """Return the update that records one attempt, begun at this monotonic time."""
    now = datetime.now(UTC)
    attempt = {"number": 1, "at": now, "status": status, "duration_ms": round((time.monotonic() - began) * 1000)}
    state = "delivered" if 200 <= status < 300 else "failed"
    return {"$set": {"state": state, "attempts_made": 1, "updated_at": now}, "$push": {"attempts": attempt}}
