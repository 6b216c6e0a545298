"""Every service, started with its own user of the broker, does all its work: what it may do is enough."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from deploy.local.stack import Stack
from deploy.rabbitmq.definitions import VHOST
from shared.broker import Publisher
from shared.model.event import EVENT_CONTENT_TYPE
from shared.model.routing import Outgoing
from shared.model.topology import EVENTS
from tests.deploy.conftest import Broker
from tests.support.receiver import Receiver
from tests.support.system import SERVICES, System, certificate, event, running_system
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
async def system(stack: Stack, broker: Broker) -> AsyncIterator[System]:
    async with running_system(stack, services=()) as system:
        for service in SERVICES:
            await system.services.start(service, environment={"AMQP_URL": broker.url(service)})
        yield system


async def emit(broker: Broker, user: str, envelope: dict[str, Any]) -> None:
    """Publish as a producer does: it declares nothing."""
    publisher = Publisher(broker.url(user), name="tests", topology=None)
    body = json.dumps(envelope).encode()
    await publisher.publish(
        Outgoing(exchange=EVENTS, routing_key=envelope["type"], body=body, content_type=EVENT_CONTENT_TYPE)
    )
    await publisher.aclose()


async def test_a_producers_event_is_retried_delivered_and_its_failures_reported(
    system: System, broker: Broker, receiver: Receiver, tenant: str
) -> None:
    client = system.client(tenant)
    await client.create_webhook(receiver.script("/flaky", 500, 200), "certificate.issued")
    await client.create_webhook(receiver.script("/gone", 410), "certificate.issued")
    await client.create_webhook(receiver.url("/reports"), "webhook.disabled", "delivery.dead_lettered")

    await emit(broker, "producer-wipe", certificate(tenant))
    await receiver.wait_for("/flaky", 2)  # the webhook consumer published a task to the delay ladder
    reports = await receiver.wait_for("/reports", 2)  # and events of Signalpost's own
    assert {json.loads(report.body)["type"] for report in reports} == {"webhook.disabled", "delivery.dead_lettered"}
    await eventually(lambda: letters(broker, "webhook"), until=lambda count: count == 1)


async def test_an_event_over_http_is_delivered(system: System, receiver: Receiver, tenant: str) -> None:
    client = system.client(tenant)
    await client.create_webhook(receiver.url("/posted"), "policy.*")
    envelope = event("policy.violated", {"policy_id": "pol_1", "signer_id": "sgn_1"}, tenant=tenant)
    answer = await client.call("POST", "/api/v1/events", envelope)
    assert answer.status == 202, answer
    await receiver.wait_for("/posted")


async def test_the_mailer_reports_what_became_of_a_billing_export(
    system: System, broker: Broker, receiver: Receiver, tenant: str
) -> None:
    await system.client(tenant).create_webhook(receiver.url("/updates"), "billing.export.delivery_updated")
    export = {
        "export_id": "exp_5",
        "recipients": ["accounts@example.com"],
        "download_url": "https://app.example.com/exports/exp_5",
    }
    await emit(broker, "producer-wipe", event("billing.export.ready", export, tenant=tenant))
    await receiver.wait_for("/updates")


async def test_a_mail_is_sent_and_one_that_can_not_be_is_parked(system: System, broker: Broker, tenant: str) -> None:
    assert system.stack.inbox is not None
    invitation = {"email": f"ada@{tenant.replace('_', '-')}.example", "accept_url": "https://app.example.com/i/9"}
    await emit(broker, "producer-wipe", event("user.invited", invitation, tenant=tenant))
    await eventually(lambda: mails_to(system, invitation["email"]), until=lambda count: count == 1)

    operator = Publisher(broker.url("operator"), name="tests", topology=None)
    await operator.publish(Outgoing(exchange="notifications.to_send", routing_key="email", body=b"no task"))
    await operator.aclose()
    await eventually(lambda: letters(broker, "email"), until=lambda count: count == 1)


async def test_nothing_is_used_that_later_versions_of_rabbitmq_drop(system: System, broker: Broker) -> None:
    try:
        used = await broker.server.management("GET", "/api/deprecated-features/used")
    except aiohttp.ClientResponseError as error:
        if error.status != 404:
            raise
        pytest.skip("RabbitMQ before 3.13 has no list of it: see `make test-rabbitmq4`")
    assert used == []


async def letters(broker: Broker, key: str) -> int:
    queue = await broker.server.management("GET", f"/api/queues/{VHOST}/notifications.dlq.{key}")
    count: int = queue.get("messages", 0)
    return count


async def mails_to(system: System, address: str) -> int:
    assert system.stack.inbox is not None
    async with aiohttp.ClientSession() as session, session.get(f"{system.stack.inbox.url}/api/v1/messages") as answer:
        mails = (await answer.json())["messages"]
    return sum(address == to["Address"] for mail in mails for to in mail["To"])
