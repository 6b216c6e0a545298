"""What the API's services decide, and in which order they store and publish; HTTP and servers left out."""

import json
from dataclasses import replace
from typing import Any

import pytest

from services.api.deliveries.schemas import ReplayMany, ReplayOne
from services.api.deliveries.service import replay_many, replay_one, resend
from services.api.email_subscriptions.schemas import EmailSubscriptionCreate
from services.api.email_subscriptions.service import MAX_EMAIL_SUBSCRIPTIONS, subscribe
from services.api.events.service import Request, ingest
from services.api.http.auth import Caller
from services.api.http.problems import Problem
from services.api.webhooks.schemas import WebhookCreate
from services.api.webhooks.service import MAX_WEBHOOKS, WebhookOwner, create_webhook, send_test
from shared.model.delivery import LoggedDelivery
from shared.model.event import StoredEvent
from shared.model.reasons import DeliveryState
from shared.model.subscription import Origin
from shared.model.topology import EVENTS, TO_SEND
from shared.storage.tenant.webhooks import WebhookScope
from tests.support.fresh import NOW, TENANT, a_delivery, a_subscription, an_event
from tests.unit.services.api.conftest import Scene

PRODUCER = Caller(subject="backend", org_id=TENANT, roles=frozenset({"PRODUCER"}))
OWNER = WebhookOwner(scope=WebhookScope(tenant_id=TENANT), origin=Origin.API)
EVENT = {"id": "1", "source": "/tests", "type": "certificate.issued", "data": {"certificate_id": "c"}}


def request(key: str | None = None, **changes: Any) -> Request:
    return Request(body=json.dumps(EVENT | changes).encode(), idempotency_key=key, traceparent=None)


async def refused(awaitable: Any) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        await awaitable
    return caught.value.status, caught.value.code


async def test_an_event_is_stored_then_published_once(scene: Scene) -> None:
    first = await ingest(scene.context, PRODUCER, request())
    (message,) = scene.memory.publisher.published
    assert (message.exchange, message.routing_key) == (EVENTS, "certificate.issued")
    assert first.event_id in scene.memory.events.by_id
    assert not first.duplicate
    assert (await ingest(scene.context, PRODUCER, request())).duplicate


async def test_a_repeat_of_an_event_whose_publish_failed_is_published(scene: Scene) -> None:
    await scene.memory.events.add_accepted(an_event(source_id="1", tenant_id=TENANT), at=NOW, uncatalogued=False)
    assert (await ingest(scene.context, PRODUCER, request())).duplicate
    assert len(scene.memory.publisher.published) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tenantid": "org_other"}, (403, "wrong_tenant")),
        ({"data": {}}, (422, "invalid_event")),
        ({"type": "webhook.test", "data": {"message": "x", "webhook_id": "w"}}, (422, "reserved_event_type")),
        ({"source": "/signalpost"}, (422, "reserved_source")),
    ],
)
async def test_what_a_producer_may_not_publish_is_neither_stored_nor_published(
    scene: Scene, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert await refused(ingest(scene.context, PRODUCER, request(**changes))) == expected
    assert (scene.memory.events.by_id, scene.memory.publisher.published) == ({}, [])


async def test_an_idempotency_key_stands_for_one_body(scene: Scene) -> None:
    await ingest(scene.context, PRODUCER, request("key"))
    other = request("key", data={"certificate_id": "d"})
    assert await refused(ingest(scene.context, PRODUCER, other)) == (422, "idempotency_conflict")


async def test_a_webhook_gets_a_secret_that_opens_again(scene: Scene) -> None:
    wanted = WebhookCreate.model_validate({"url": "http://127.0.0.1:9/in", "events": ["certificate.*"]})
    context = replace(scene.context, policy=scene.context.policy)
    status = await refused(create_webhook(context, OWNER, wanted))
    assert status == (422, "url_refused")
    public = WebhookCreate.model_validate({"url": "https://1.1.1.1/in", "events": ["certificate.*"]})
    webhook, secret = await create_webhook(context, OWNER, public)
    assert webhook.secret is not None
    assert context.keyring.open(webhook.id, webhook.secret) == secret
    assert scene.memory.subscriptions.by_id == {webhook.id: webhook}
    scene.records.most = MAX_WEBHOOKS
    assert await refused(create_webhook(context, OWNER, public)) == (409, "too_many_webhooks")


async def test_a_test_event_is_for_its_webhook_alone(scene: Scene) -> None:
    scene.records.webhooks["wh_1"] = a_subscription(id="wh_1")
    await send_test(scene.context, PRODUCER, OWNER.scope, "wh_1")
    (message,) = scene.memory.publisher.published
    assert message.routing_key == "webhook.test"
    assert json.loads(message.body)["subject"] == "webhooks/wh_1"
    assert await refused(send_test(scene.context, PRODUCER, OWNER.scope, "wh_2")) == (404, "not_found")


async def dead(scene: Scene, **changes: Any) -> str:
    event = an_event(tenant_id=TENANT)
    stored = StoredEvent(event=event, created_at=NOW, dispatched_at=NOW, matched=1, uncatalogued=False)
    await scene.memory.events.record_dispatched([stored], known=frozenset())
    scene.records.webhooks["wh_1"] = a_subscription(id="wh_1")
    delivery = a_delivery(**{"event_id": event.id, "state": DeliveryState.DEAD, "reason": "http_4xx"} | changes)
    scene.records.logged[delivery.id] = LoggedDelivery(delivery=delivery, replays=())
    scene.records.most += 1
    return delivery.id


async def test_a_dead_letter_is_replayed_as_a_task_that_is_prechecked(scene: Scene) -> None:
    delivery_id = await dead(scene)
    await replay_one(scene.context, TENANT, delivery_id, ReplayOne(cause="mended"), by="ana")
    (task,) = scene.memory.publisher.published
    assert (task.exchange, task.headers["delivery-id"], task.headers["republished-by"]) == (
        TO_SEND,
        delivery_id,
        "api",
    )
    await resend(scene.context, TENANT, delivery_id, by="ana")
    assert len(scene.memory.publisher.published) == 2


async def test_what_can_not_be_sent_again_says_why(scene: Scene) -> None:
    pending = await dead(scene, state=DeliveryState.PENDING, reason=None)
    assert await refused(resend(scene.context, TENANT, pending, by="ana")) == (409, "delivery_unfinished")
    assert await refused(replay_one(scene.context, TENANT, pending, ReplayOne(cause="x"), by="ana")) == (
        409,
        "not_dead",
    )
    unknown = replay_one(scene.context, TENANT, "dlv_none", ReplayOne(cause="x"), by="ana")
    assert await refused(unknown) == (404, "not_found")
    disabled = await dead(scene)
    scene.records.webhooks["wh_1"] = a_subscription(id="wh_1", enabled=False)
    assert await refused(resend(scene.context, TENANT, disabled, by="ana")) == (409, "webhook_disabled")


async def test_a_dry_run_counts_and_sends_nothing(scene: Scene) -> None:
    for _ in range(3):
        await dead(scene)
    counted = await replay_many(scene.context, TENANT, ReplayMany(cause="mended", dry_run=True), by="ana")
    assert (counted, scene.memory.publisher.published) == ((3, 3, []), [])
    assert await replay_many(scene.context, TENANT, ReplayMany(cause="mended"), by="ana") == (3, 3, [])
    assert len(scene.memory.publisher.published) == 3


def address(name: str) -> EmailSubscriptionCreate:
    return EmailSubscriptionCreate.model_validate({"address": f"{name}@example.com", "events": ["*"]})


async def test_an_address_is_asked_to_confirm_and_not_again_at_once(scene: Scene) -> None:
    subscription, is_new, asked = await subscribe(scene.context, TENANT, address("ana"))
    assert (is_new, subscription.confirmed, bool(asked)) == (True, False, True)
    (task,) = scene.memory.publisher.published
    assert task.routing_key.startswith("email")
    assert b"confirm_url" not in task.body
    assert (await subscribe(scene.context, TENANT, address("ana")))[2] is None


async def test_addresses_are_bounded_and_must_be_addresses(scene: Scene) -> None:
    bad = EmailSubscriptionCreate.model_validate({"address": "no address", "events": ["*"]})
    assert await refused(subscribe(scene.context, TENANT, bad)) == (422, "invalid_address")
    for name in ("ana", "bob"):
        await subscribe(scene.context, TENANT, address(name))
    assert await refused(subscribe(scene.context, TENANT, address("eve"))) == (429, "too_many_confirmations")
    scene.records.most = MAX_EMAIL_SUBSCRIPTIONS
    assert await refused(subscribe(scene.context, TENANT, address("eve"))) == (409, "too_many_email_subscriptions")
    without = replace(scene.context, links=None)
    assert await refused(subscribe(without, TENANT, address("ana"))) == (503, "public_url_missing")
