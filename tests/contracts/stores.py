"""The contracts of deliveries, subscriptions and events."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.delivery.ports import DeliveryStore, EventStore, SubscriptionStore
from shared.model.delivery import Attempt, Delivery, Transition
from shared.model.event import Event, StoredEvent
from shared.model.reasons import DeadReason, DeliveryState, DisabledReason
from shared.model.subscription import Subscription
from tests.support.fresh import NOW, a_delivery, a_subscription, an_event


class AddsSubscriptions(SubscriptionStore, Protocol):
    """With what the API's side of it does."""

    async def add(self, subscription: Subscription) -> None: ...

    async def forget_failures(self, subscription_ids: list[str]) -> None: ...


class AddsEvents(EventStore, Protocol):
    """With what the API's side of it does."""

    async def add_accepted(self, event: Event, *, at: datetime, uncatalogued: bool) -> bool: ...


@dataclass(frozen=True)
class Stores:
    """One set of stores over the same data."""

    deliveries: DeliveryStore
    subscriptions: AddsSubscriptions
    events: AddsEvents


def attempted(delivery: Delivery, state: DeliveryState, *, due_in: float | None = None) -> Transition:
    """The next attempt's record."""
    number = delivery.attempts_made + 1
    return Transition(
        delivery_id=delivery.id,
        attempts_made_before=delivery.attempts_made,
        attempt=Attempt(number=number, started_at=NOW, duration_ms=5, status=200),
        state=state,
        at=NOW,
        due_at=None if due_in is None else NOW + timedelta(seconds=due_in),
    )


class DeliveryContract:
    """Deliveries change by conditional updates."""

    async def test_a_delivery_is_stored_once_and_who_comes_later_sees_the_first(self, stores: Stores) -> None:
        first = a_delivery()
        assert await stores.deliveries.add([first]) == []
        again = replace(first, created_by="somebody else")
        assert [found.created_by for found in await stores.deliveries.add([again])] == [first.created_by]
        assert await stores.deliveries.get(first.id) == first

    async def test_what_is_unknown_is_not_found_and_changes_nothing(self, stores: Stores) -> None:
        unknown = a_delivery()
        assert await stores.deliveries.get(unknown.id) is None
        assert not await stores.deliveries.record(attempted(unknown, DeliveryState.DELIVERED))
        await stores.deliveries.defer(unknown.id, NOW)
        await stores.deliveries.clear_due(unknown.id)
        await stores.deliveries.remove(unknown.id)

    async def test_of_two_records_of_one_attempt_only_the_first_counts(self, stores: Stores) -> None:
        delivery = a_delivery()
        await stores.deliveries.add([delivery])
        assert await stores.deliveries.record(attempted(delivery, DeliveryState.RETRYING, due_in=5))
        assert not await stores.deliveries.record(attempted(delivery, DeliveryState.DELIVERED))
        found = await stores.deliveries.get(delivery.id)
        assert found is not None
        assert (found.state, found.attempts_made, len(found.attempts)) == (DeliveryState.RETRYING, 1, 1)
        assert found.due_at == NOW + timedelta(seconds=5)

    async def test_repeating_the_very_same_record_says_that_it_is_recorded(self, stores: Stores) -> None:
        delivery = a_delivery()
        await stores.deliveries.add([delivery])
        transition = attempted(delivery, DeliveryState.DELIVERED)
        assert [await stores.deliveries.record(transition) for _ in range(2)] == [True, True]
        found = await stores.deliveries.get(delivery.id)
        assert found is not None
        assert found.attempts_made == 1

    async def test_what_is_finished_takes_no_more_records(self, stores: Stores) -> None:
        delivery = a_delivery(state=DeliveryState.DEAD, reason=DeadReason.HTTP_4XX.value, attempts_made=1)
        await stores.deliveries.add([delivery])
        assert not await stores.deliveries.record(attempted(delivery, DeliveryState.DELIVERED))

    async def test_deferring_moves_only_what_is_unfinished_and_only_to_later(self, stores: Stores) -> None:
        open_, ended = a_delivery(due_at=NOW), a_delivery(state=DeliveryState.DEAD, due_at=NOW)
        await stores.deliveries.add([open_, ended])
        for delivery in (open_, ended):
            await stores.deliveries.defer(delivery.id, NOW + timedelta(seconds=9))
            await stores.deliveries.defer(delivery.id, NOW + timedelta(seconds=3))
        found = [await stores.deliveries.get(delivery.id) for delivery in (open_, ended)]
        assert [one.due_at for one in found if one is not None] == [NOW + timedelta(seconds=9), NOW]

    async def test_only_a_finished_delivery_can_owe_nothing(self, stores: Stores) -> None:
        open_, ended = a_delivery(due_at=NOW), a_delivery(state=DeliveryState.DEAD, due_at=NOW)
        await stores.deliveries.add([open_, ended])
        for delivery in (open_, ended):
            await stores.deliveries.clear_due(delivery.id)
        found = [await stores.deliveries.get(delivery.id) for delivery in (open_, ended)]
        assert [one.due_at for one in found if one is not None] == [NOW, None]

    async def test_what_is_due_comes_oldest_first_of_its_channel_and_within_the_limit(self, stores: Stores) -> None:
        late, later, mail, not_yet = (
            a_delivery(due_at=NOW - timedelta(seconds=90)),
            a_delivery(due_at=NOW - timedelta(seconds=60)),
            a_delivery(due_at=NOW - timedelta(seconds=80), channel="email"),
            a_delivery(due_at=NOW + timedelta(seconds=10)),
        )
        await stores.deliveries.add([not_yet, later, mail, late])
        found = await stores.deliveries.due(channel="webhook", before=NOW, limit=10)
        assert [one.id for one in found] == [late.id, later.id]
        assert [one.id for one in await stores.deliveries.due(channel="webhook", before=NOW, limit=1)] == [late.id]

    async def test_of_two_who_claim_one_gets_it(self, stores: Stores) -> None:
        delivery = a_delivery(due_at=NOW)
        await stores.deliveries.add([delivery])
        claims = [await stores.deliveries.claim(delivery, due_at=NOW + timedelta(seconds=s)) for s in (1, 2)]
        assert claims == [True, False]

    async def test_a_removed_delivery_is_gone(self, stores: Stores) -> None:
        delivery = a_delivery()
        await stores.deliveries.add([delivery])
        await stores.deliveries.remove(delivery.id)
        assert await stores.deliveries.get(delivery.id) is None


class SubscriptionContract:
    """Failures are counted once each, and disable at the threshold."""

    async def test_those_are_found_that_have_a_wanted_pattern_in_their_tenant(self, stores: Stores) -> None:
        wanted = a_subscription(events=("certificate.*", "signing.completed"))
        others = [a_subscription(events=("policy.violated",)), a_subscription(tenant_id="org_other")]
        for subscription in (wanted, *others):
            await stores.subscriptions.add(subscription)
        found = await stores.subscriptions.matching(
            [(wanted.tenant_id, ("certificate.issued", "certificate.*", "*"))]
        )
        assert [one.id for one in found] == [wanted.id]
        assert await stores.subscriptions.matching([]) == []

    async def test_each_failure_counts_once_and_the_last_one_disables(self, stores: Stores) -> None:
        subscription = a_subscription()
        await stores.subscriptions.add(subscription)
        outcomes = [
            await stores.subscriptions.count_failure(subscription.id, failed, threshold=3, ended_at=NOW)
            for failed in ("dlv_1", "dlv_1", "dlv_2")
        ]
        assert outcomes == [None, None, None]
        disabled = await stores.subscriptions.count_failure(subscription.id, "dlv_3", threshold=3, ended_at=NOW)
        assert disabled is not None
        assert (disabled.enabled, disabled.consecutive_failures) == (False, 3)
        assert disabled.disabled_reason == DisabledReason.CONSECUTIVE_FAILURES
        again = await stores.subscriptions.count_failure(subscription.id, "dlv_3", threshold=3, ended_at=NOW)
        assert again is not None, "a repeat after a crash must learn that this failure disabled it"
        assert await stores.subscriptions.count_failure(subscription.id, "dlv_4", threshold=3, ended_at=NOW) is None

    async def test_a_success_sets_the_count_back(self, stores: Stores) -> None:
        subscription = a_subscription()
        await stores.subscriptions.add(subscription)
        await stores.subscriptions.count_failure(subscription.id, "dlv_1", threshold=2, ended_at=NOW)
        await stores.subscriptions.forget_failures([subscription.id])
        assert await stores.subscriptions.count_failure(subscription.id, "dlv_2", threshold=2, ended_at=NOW) is None
        found = await stores.subscriptions.get(subscription.id)
        assert found is not None
        assert (found.enabled, found.consecutive_failures) == (True, 1)

    async def test_only_who_disables_it_is_told(self, stores: Stores) -> None:
        subscription = a_subscription()
        await stores.subscriptions.add(subscription)
        told = [
            await stores.subscriptions.disable(subscription.id, reason=DisabledReason.GONE, by=by, ended_at=NOW)
            for by in ("dlv_1", "dlv_2", "dlv_1")
        ]
        assert [one is not None for one in told] == [True, False, True]

    async def test_what_ended_before_the_owner_enabled_it_again_no_longer_counts(self, stores: Stores) -> None:
        subscription = a_subscription(enabled_at=NOW + timedelta(seconds=1))
        await stores.subscriptions.add(subscription)
        gone = DisabledReason.GONE
        assert await stores.subscriptions.disable(subscription.id, reason=gone, by="dlv_1", ended_at=NOW) is None
        assert await stores.subscriptions.count_failure(subscription.id, "dlv_1", threshold=1, ended_at=NOW) is None
        found = await stores.subscriptions.get(subscription.id)
        assert found is not None
        assert (found.enabled, found.consecutive_failures) == (True, 0)
        later = NOW + timedelta(seconds=2)
        assert (
            await stores.subscriptions.disable(subscription.id, reason=gone, by="dlv_2", ended_at=later) is not None
        )

    async def test_nothing_is_counted_for_what_is_deleted(self, stores: Stores) -> None:
        assert await stores.subscriptions.get("wh_none") is None
        assert await stores.subscriptions.count_failure("wh_none", "dlv_1", threshold=1, ended_at=NOW) is None
        assert (
            await stores.subscriptions.disable("wh_none", reason=DisabledReason.GONE, by="dlv_1", ended_at=NOW)
            is None
        )


def stored(event: Event, *, dispatched: bool = True) -> StoredEvent:
    """An event as it is stored."""
    return StoredEvent(
        event=event, created_at=NOW, dispatched_at=NOW if dispatched else None, matched=2, uncatalogued=False
    )


class EventContract:
    """An event is accepted once, and dispatched or given up."""

    async def test_the_same_identity_is_accepted_once(self, stores: Stores) -> None:
        event = an_event()
        accepted = [await stores.events.add_accepted(event, at=NOW, uncatalogued=False) for _ in range(2)]
        assert accepted == [True, False]

    async def test_what_was_accepted_waits_until_it_is_dispatched(self, stores: Stores) -> None:
        first, second = an_event(), an_event()
        await stores.events.add_accepted(second, at=NOW + timedelta(seconds=1), uncatalogued=False)
        await stores.events.add_accepted(first, at=NOW, uncatalogued=False)
        later = NOW + timedelta(minutes=1)
        assert await stores.events.undispatched(before=later, limit=10) == [first.id, second.id]
        assert await stores.events.dispatched([first.id, "evt_none"]) == {first.id: False}
        await stores.events.record_dispatched([stored(first)], known=frozenset({first.id}))
        assert await stores.events.undispatched(before=later, limit=10) == [second.id]
        assert await stores.events.dispatched([first.id]) == {first.id: True}

    async def test_what_comes_over_the_broker_is_stored_as_dispatched(self, stores: Stores) -> None:
        event = an_event(data=b'{"n":12345678901234567890}')
        await stores.events.record_dispatched([stored(event)], known=frozenset())
        await stores.events.record_dispatched([stored(event)], known=frozenset())  # a duplicate changes nothing
        assert await stores.events.get_many([event.id, "evt_none"]) == {event.id: stored(event)}

    async def test_what_is_given_up_is_not_published_again(self, stores: Stores) -> None:
        event, same_identity = an_event(), an_event()
        await stores.events.add_accepted(event, at=NOW, uncatalogued=False)
        await stores.events.give_up(replace(same_identity, source_id=event.source_id, data=b"[]"))
        later = NOW + timedelta(minutes=1)
        assert await stores.events.undispatched(before=later, limit=10) == [event.id]
        await stores.events.give_up(event)
        assert await stores.events.undispatched(before=later, limit=10) == []
