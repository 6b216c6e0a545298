"""What a webhook's state, keys, limits and receiver make of one try. The request itself is scripted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest
from pydantic import SecretStr

from services.webhook import sender as sender_module
from services.webhook.sender import WebhookSender
from services.webhook.settings import WebhookSettings
from services.webhook.stall import StallWatch
from services.webhook.wiring import WebhookConsumer
from shared.delivery.result import Busy, Delivered, Failed, OurFault, Skipped, SubscriptionDeleted, Withdrawn
from shared.model.reasons import DeadReason
from shared.model.subscription import Subscription
from shared.model.system_events import TEST_EVENT
from shared.outbound.answer import ErrorClass, HttpAnswer, HttpFailure
from shared.outbound.policy import OutboundPolicy
from shared.outbound.resolver import LookupsExhausted
from shared.process.clock import utc_now
from shared.storage.rate_limits import Reservation
from shared.testing.subscriptions import MemorySubscriptions
from shared.testing.tracing import MemoryTracing
from tests.support.fresh import a_subscription, a_task

MASTER_KEYS = "test:dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzLCAzMisgYg=="
OK = HttpAnswer(status=204, retry_after=None, excerpt=b"", duration=0.01)


def settings(**changes: Any) -> WebhookSettings:
    values: dict[str, Any] = {
        "environment": "production",
        "amqp_url": SecretStr("amqp://127.0.0.1:1/"),
        "mongodb_url": SecretStr("mongodb://127.0.0.1:1/"),
        "secrets_master_keys": SecretStr(MASTER_KEYS),
    }
    return WebhookSettings(**values | changes)


@dataclass
class Scene:
    """A sender, what it is told, and what it asked the network for."""

    settings: WebhookSettings = field(default_factory=settings)
    subscriptions: MemorySubscriptions = field(default_factory=MemorySubscriptions)
    answers: list[HttpAnswer | HttpFailure | Exception] = field(default_factory=lambda: [OK])
    requests: list[dict[str, str]] = field(default_factory=list)
    reservation: Reservation = field(default_factory=lambda: Reservation(wait=0))
    stood_still: float = 0.0
    tracing: MemoryTracing | None = None

    async def reserve(self, webhook_id: str) -> Reservation:
        return self.reservation

    def seconds(self) -> float:
        return self.stood_still

    async def post(self, session: object, url: object, *, headers: dict[str, str], **_: object) -> Any:
        self.requests.append(headers)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sender(self) -> WebhookSender:
        return WebhookSender(
            self.settings,
            self.subscriptions,
            cast("Any", self),
            OutboundPolicy.from_settings(self.settings),
            cast("Any", None),
            cast("Any", self),
            self.tracing,
        )

    async def add(self, **changes: Any) -> Subscription:
        stored, _ = self.settings.keyring().create("wh_1")
        webhook = a_subscription(**{"id": "wh_1", "secret": stored} | changes)
        await self.subscriptions.add(webhook)
        return webhook


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    scene = Scene()
    monkeypatch.setattr(sender_module, "post_bounded", scene.post)
    return scene


async def test_a_signed_request_is_delivered(scene: Scene) -> None:
    await scene.add(headers={"X-Own": "yes", "Webhook-Id": "forged"})
    assert isinstance(await scene.sender().send(a_task(), 1), Delivered)
    (headers,) = scene.requests
    assert (headers["webhook-id"], headers["X-Own"], headers["X-Delivery-Attempt"]) == ("evt_1", "yes", "1")
    assert headers["webhook-signature"].startswith("v1,")


async def test_while_two_secrets_overlap_both_sign(scene: Scene) -> None:
    webhook = await scene.add()
    until = utc_now() + timedelta(hours=1)
    await scene.add(previous_secret=webhook.secret, previous_expires_at=until)
    await scene.sender().send(a_task(), 1)
    await scene.add(previous_secret=webhook.secret, previous_expires_at=until - timedelta(hours=2))
    scene.answers.append(OK)
    await scene.sender().send(a_task(), 1)
    assert [len(headers["webhook-signature"].split()) for headers in scene.requests] == [2, 1]


async def test_nothing_is_sent_for_a_webhook_that_is_gone_or_disabled_or_without_a_transport(scene: Scene) -> None:
    assert isinstance(await scene.sender().send(a_task(), 1), SubscriptionDeleted)
    await scene.add(enabled=False)
    withdrawn = await scene.sender().send(a_task(), 1)
    assert isinstance(withdrawn, Withdrawn)
    assert withdrawn.reason is DeadReason.WEBHOOK_DISABLED
    scene.settings = settings(notification_transport="disabled")
    assert isinstance(await scene.sender().send(a_task(), 1), Skipped)
    assert scene.requests == []


async def test_a_test_reaches_a_disabled_webhook_and_gets_one_attempt(scene: Scene) -> None:
    await scene.add(enabled=False)
    scene.answers = [HttpAnswer(status=500, retry_after=None, excerpt=b"no", duration=0.1)]
    failed = await scene.sender().send(a_task(event_type=TEST_EVENT), 1)
    assert isinstance(failed, Failed)
    assert failed.final is DeadReason.TEST_FAILED


async def test_a_secret_that_can_not_be_derived_is_our_fault(scene: Scene) -> None:
    webhook = await scene.add()
    assert webhook.secret is not None
    await scene.add(secret=replace(webhook.secret, key_id="lost"))
    assert isinstance(await scene.sender().send(a_task(), 1), OurFault)
    assert scene.requests == []


async def test_a_url_that_the_policy_refuses_is_never_asked(scene: Scene) -> None:
    await scene.add(url="https://127.0.0.1/hook")
    failed = await scene.sender().send(a_task(), 1)
    assert isinstance(failed, Failed)
    assert (failed.final, scene.requests) == (DeadReason.URL_REFUSED, [])


async def test_a_failing_receiver_is_retried_on_its_own_schedule(scene: Scene) -> None:
    await scene.add(retry_schedule=(7.0,))
    scene.answers = [HttpFailure(error_class=ErrorClass.TIMEOUT, detail="slow", duration=10.0)]
    failed = await scene.sender().send(a_task(), 1)
    assert isinstance(failed, Failed)
    assert (failed.final, failed.schedule.waits) == (None, (7.0,))


async def test_a_rate_limit_is_waited_out_when_near_and_deferred_when_far(scene: Scene) -> None:
    await scene.add(rate_limit=5.0)
    assert isinstance(await scene.sender().send(a_task(), 1), Delivered)
    scene.reservation = Reservation(wait=30, is_reserved=False)
    assert await scene.sender().send(a_task(), 1) == Busy(30)


async def test_an_exhausted_name_lookup_and_a_standstill_of_ours_charge_nobody(scene: Scene) -> None:
    await scene.add()
    scene.answers = [LookupsExhausted("no thread is free")]
    assert isinstance(await scene.sender().send(a_task(), 1), OurFault)

    class FallsAsleep(list[Any]):
        def pop(self, *_: object) -> HttpFailure:
            scene.stood_still = 9.0
            return HttpFailure(error_class=ErrorClass.TIMEOUT, detail="slow", duration=10.0)

    scene.answers = FallsAsleep()
    assert isinstance(await scene.sender().send(a_task(), 1), OurFault)


async def test_beyond_its_concurrency_limit_a_hanging_endpoint_is_busy(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.add()
    release = asyncio.Event()

    async def hang(*_: object, **__: object) -> HttpAnswer:
        await release.wait()
        return OK

    monkeypatch.setattr(sender_module, "post_bounded", hang)
    monkeypatch.setattr("services.webhook.concurrency.QUEUE_TIMEOUT", 0.01)
    sender = scene.sender()
    sends = [asyncio.create_task(sender.send(a_task(delivery_id=f"dlv_{n}"), 1)) for n in range(6)]
    done, _ = await asyncio.wait(sends, return_when=asyncio.FIRST_COMPLETED)
    assert all(isinstance(task.result(), Busy) for task in done)
    release.set()
    results = await asyncio.gather(*sends)
    assert sum(isinstance(result, Delivered) for result in results) == 4


async def test_tracing_sees_status_and_failure(scene: Scene) -> None:
    await scene.add()
    scene.tracing = MemoryTracing()
    scene.answers = [OK, HttpFailure(error_class=ErrorClass.RESET, detail="", duration=0.1)]
    for _ in range(2):
        await scene.sender().send(a_task(), 1)
    answered, failed = scene.tracing.spans
    assert answered.attributes["http.response.status_code"] == 204
    assert failed.error == "reset"


@pytest.fixture
async def consumer() -> AsyncIterator[WebhookConsumer]:
    consumer = WebhookConsumer(settings())
    yield consumer
    await consumer.stop()


async def test_a_consumer_that_has_not_started_is_not_ready_and_can_be_stopped(consumer: WebhookConsumer) -> None:
    assert not consumer.checks()["broker"]


async def test_the_stall_watch_notices_nothing_while_the_loop_turns() -> None:
    watch = StallWatch()
    await asyncio.sleep(0)
    assert watch.seconds() == 0
    watch.stop()
