"""The demo's actors: makes the webhooks through the API and publishes the events to the exchange."""

from typing import Any
from uuid import uuid4

import aiohttp
import msgspec

from deploy.local.demo.receiver import DemoReceiver
from deploy.local.demo.scene import TENANT, Hook, Published
from shared.broker import Outgoing, Publisher
from shared.clock import utc_now
from shared.messages import EVENT_CONTENT_TYPE, rfc3339
from shared.telemetry.trace import traceparent_or_new
from shared.topology import EVENTS


async def create_webhook(api_url: str, bearer: str, receiver: DemoReceiver, hook: Hook) -> dict[str, Any]:
    """Make a webhook through the API, and hand its secret to the receiver, as a customer would."""
    wanted = {"url": receiver.hook_url(hook.path), "events": list(hook.events)}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {bearer}"}) as session,
        session.post(api_url + hook.route, json=wanted) as answer,
    ):
        webhook: dict[str, Any] = await answer.json()
        if answer.status != 201:
            raise RuntimeError(f"POST {hook.route} answered {answer.status}: {webhook}")
    await receiver.tell_secret(hook.path, webhook["secret"])
    return webhook


async def publish(publisher: Publisher, event: Published) -> str:
    """Publish an event as its product would; returns its traceparent."""
    traceparent = traceparent_or_new(None)
    envelope: dict[str, object] = {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": event.source,
        "type": event.type,
        "time": rfc3339(utc_now()),
        "tenantid": TENANT,
        "datacontenttype": "application/json",
        "data": event.data,
    }
    if event.subject is not None:
        envelope["subject"] = event.subject
    await publisher.publish(
        Outgoing(
            exchange=EVENTS,
            routing_key=event.type,
            body=msgspec.json.encode(envelope),
            headers={"traceparent": traceparent},
            content_type=EVENT_CONTENT_TYPE,
        )
    )
    return traceparent
