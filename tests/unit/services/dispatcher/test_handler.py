"""One event from the queue to its deliveries, tasks and ack, and what happens to those that are no good."""

from dataclasses import replace

import pytest

from services.dispatcher.batch import BatchDispatcher
from services.dispatcher.fairness import FAIRNESS_THRESHOLD
from services.dispatcher.handler import EventHandler
from shared.catalogue import Catalogue
from shared.model.delivery import Transport
from shared.model.event import Event, StoredEvent
from shared.model.reasons import DeliveryState
from shared.model.routing import Outgoing, event_message
from shared.model.system_events import TEST_EVENT
from shared.model.topology import DEAD, DEFER, EVENTS, TO_SEND
from shared.testing.context import Memory
from shared.testing.incoming import MemoryAcks, incoming
from shared.testing.tracing import MemoryTracing
from tests.support.fresh import NOW, a_subscription, an_event

DATA = b'{"certificate_id":"cert_42","issued_at":"2026-11-21T10:00:00Z"}'


@pytest.fixture
def memory() -> Memory:
    return Memory.empty()


def certificate(**changes: object) -> Event:
    return an_event(**{"data": DATA} | changes)


def handler(memory: Memory, *, transport: Transport = "smtp") -> EventHandler:
    return EventHandler(Catalogue.load(None), memory.context, transport=transport)


async def dispatch(memory: Memory, *messages: Outgoing, redelivered: bool = False, **options: Transport) -> None:
    dispatching = handler(memory, **options)
    for message in messages:
        acks = MemoryAcks()
        await dispatching.handle(incoming(message, redelivered=redelivered, acks=acks))
        assert acks.settled == [1]


def exchanges(memory: Memory) -> list[str]:
    return [message.exchange for message in memory.publisher.published]


async def test_an_event_becomes_a_delivery_and_a_task_for_each_subscription_that_wants_it(memory: Memory) -> None:
    wanting = [a_subscription(), a_subscription(events=("certificate.*",))]
    for subscription in (*wanting, a_subscription(events=("signing.completed",))):
        await memory.subscriptions.add(subscription)
    event = certificate()
    await dispatch(memory, event_message(event))
    assert {delivery.subscription_id for delivery in memory.deliveries.by_id.values()} == {one.id for one in wanting}
    assert exchanges(memory) == [TO_SEND, TO_SEND]
    assert memory.events.by_id[event.id].matched == 2


async def test_the_same_identity_twice_is_one_event(memory: Memory) -> None:
    await memory.subscriptions.add(a_subscription())
    event = certificate()
    await dispatch(memory, event_message(event), event_message(event))
    assert exchanges(memory) == [TO_SEND]


async def test_a_redelivered_event_completes_what_a_crash_left(memory: Memory) -> None:
    await memory.subscriptions.add(a_subscription())
    event = certificate()
    await dispatch(memory, event_message(event))
    memory.publisher.published.clear()
    await dispatch(memory, event_message(event), redelivered=True)
    (task,) = memory.publisher.published
    assert task.headers["republished-by"] == "dispatcher"


async def test_an_event_accepted_over_http_is_marked_dispatched(memory: Memory) -> None:
    event = certificate()
    await memory.events.add_accepted(event, at=NOW, uncatalogued=False)
    await dispatch(memory, event_message(event, accepted_at=1))
    assert memory.events.by_id[event.id].dispatched_at is not None


async def test_events_for_a_disabled_webhook_are_recorded_as_skipped(memory: Memory) -> None:
    await memory.subscriptions.add(a_subscription(enabled=False))
    await dispatch(memory, event_message(certificate()))
    assert [delivery.state for delivery in memory.deliveries.by_id.values()] == [DeliveryState.SKIPPED]
    assert exchanges(memory) == []


async def test_without_a_transport_everything_is_skipped(memory: Memory) -> None:
    await memory.subscriptions.add(a_subscription())
    await dispatch(memory, event_message(certificate()), transport="disabled")
    assert [delivery.state for delivery in memory.deliveries.by_id.values()] == [DeliveryState.SKIPPED]


async def test_a_test_event_goes_to_its_webhook_alone(memory: Memory) -> None:
    for webhook in ("wh_1", "wh_2"):
        await memory.subscriptions.add(a_subscription(id=webhook, events=("*",)))
    event = an_event(
        type=TEST_EVENT,
        source="/signalpost",
        subject="webhooks/wh_2",
        data=b'{"message":"hello","webhook_id":"wh_2"}',
    )
    await dispatch(memory, event_message(event))
    assert [one.subscription_id for one in memory.deliveries.by_id.values()] == ["wh_2"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"body": b"{"}, "not JSON"),
        ({"routing_key": "signing.completed"}, "routing key"),
        ({"body": event_message(certificate(data=b"{}")).body}, "certificate_id"),
        (
            {
                "routing_key": "webhook.disabled",
                "body": event_message(an_event(type="webhook.disabled", data=b"{}")).body,
            },
            "",
        ),
    ],
    ids=["not JSON", "another routing key", "data without a required field", "one of our own"],
)
async def test_what_is_no_valid_event_is_dead_lettered_with_a_reason_and_stops_nothing(
    memory: Memory, change: dict[str, object], reason: str
) -> None:
    await memory.subscriptions.add(a_subscription())
    bad = replace(event_message(certificate()), **change)  # type: ignore[arg-type]
    await dispatch(memory, bad, event_message(certificate()))
    assert exchanges(memory) == [DEAD, TO_SEND]
    dead = memory.publisher.published[0]
    assert dead.headers["dead-reason"] == "invalid_event"
    assert reason in str(dead.headers["dead-detail"])


async def test_an_event_that_was_stored_and_is_dead_lettered_is_given_up(memory: Memory) -> None:
    event = certificate(data=b"{}")
    await memory.events.add_accepted(event, at=NOW, uncatalogued=False)
    await dispatch(memory, event_message(event))
    assert await memory.events.undispatched(before=NOW.replace(year=2030), limit=1) == []


async def test_a_flooding_tenant_s_events_are_deferred_and_dispatched_when_there_is_room(memory: Memory) -> None:
    await memory.subscriptions.add(a_subscription())
    flooded = handler(memory)
    for _ in range(FAIRNESS_THRESHOLD):
        assert flooded._fairness.admit("org_1")
    acks = MemoryAcks()
    await flooded.handle(incoming(event_message(certificate()), acks=acks))
    (deferred,) = memory.publisher.published
    assert (deferred.exchange, acks.settled) == (DEFER, [1])
    await flooded.handle_deferred(incoming(deferred))
    assert exchanges(memory) == [DEFER, TO_SEND]


async def test_of_a_batch_that_fails_only_the_guilty_event_is_dead_lettered(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await memory.subscriptions.add(a_subscription())
    guilty, innocent = certificate(), certificate()
    plan = BatchDispatcher._plan

    def explode(self: BatchDispatcher, arrival: object, subscriptions: object) -> object:
        if arrival.event.id == guilty.id:  # type: ignore[attr-defined]
            raise RuntimeError("a bug")
        return plan(self, arrival, subscriptions)  # type: ignore[arg-type]

    monkeypatch.setattr(BatchDispatcher, "_plan", explode)
    await dispatch(memory, event_message(guilty), event_message(innocent))
    assert exchanges(memory) == [DEAD, TO_SEND]
    assert memory.publisher.published[0].headers["dead-reason"] == "internal_error"


async def test_a_skipped_billing_export_mail_is_reported(memory: Memory) -> None:
    event = an_event(
        type="billing.export.ready",
        data=b'{"export_id":"exp_1","recipients":["a@example.com"],"download_url":"https://example.com/x",'
        b'"period":"2026-10","organization_name":"Acme"}',
    )
    await dispatch(memory, event_message(event), transport="webhook")
    assert "billing.export.delivery_updated" in [message.routing_key for message in memory.publisher.published]


async def test_spans_tell_how_many_deliveries_an_event_led_to(memory: Memory) -> None:
    tracing = MemoryTracing()
    await memory.subscriptions.add(a_subscription())
    dispatching = EventHandler(Catalogue.load(None), replace(memory.context, tracing=tracing), transport="smtp")
    await dispatching.handle(incoming(event_message(certificate())))
    await dispatching.handle(incoming(replace(event_message(certificate()), body=b"{")))
    assert [span.is_ended for span in tracing.spans] == [True, True]
    assert tracing.spans[0].attributes["signalpost.deliveries"] == 1


async def test_a_full_batch_leaves_the_rest_for_the_next(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.dispatcher.batch.MAX_DELIVERIES", 1)
    await memory.subscriptions.add(a_subscription())
    await memory.subscriptions.add(a_subscription())
    batch = BatchDispatcher(Catalogue.load(None), memory.context, transport="smtp")
    reading = handler(memory)
    arrivals = [reading._read(incoming(event_message(certificate()))) for _ in range(4)]
    done = await batch.dispatch(arrivals)
    assert sum(done) == 2, "the oldest one comes on top of a full batch"
    assert EVENTS not in exchanges(memory)
    assert all(isinstance(stored, StoredEvent) for stored in memory.events.by_id.values())
