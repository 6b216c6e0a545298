"""Matches events to subscriptions, and says why one does not match."""

from collections.abc import Iterable

from shared.model.event import OWN_SOURCE, Event
from shared.model.patterns import patterns_matching
from shared.model.reasons import DisabledReason
from shared.model.subscription import Subscription
from shared.model.system_events import CONFIRMATION, TEST_EVENT, webhook_reported


def tested_webhook(event: Event) -> str | None:
    """Return the id of the one webhook that a test event is for, or None for every other event."""
    if event.type != TEST_EVENT or event.source != OWN_SOURCE or event.subject is None:
        return None
    return event.subject.removeprefix("webhooks/")


def mismatch(subscription: Subscription, event: Event) -> str | None:
    """Say in one sentence why an event is not for a subscription of its tenant; None if it is."""
    target = tested_webhook(event)
    if target is not None:
        return None if subscription.id == target else "it is a test event of another webhook"
    if event.source == OWN_SOURCE and webhook_reported(event.type, event.subject, event.data) == subscription.id:
        return "it reports on this very webhook"
    if event.type == CONFIRMATION:  # even if a producer published it: only the address itself is asked
        return "it asks an address to confirm its subscription"
    if subscription.subject is not None and subscription.subject != event.subject:
        return f"it is bound to the subject {subscription.subject}, the event's is {event.subject or 'empty'}"
    if not set(patterns_matching(event.type)).intersection(subscription.events):
        return f"its events ({', '.join(subscription.events)}) do not include {event.type}"
    if not subscription.confirmed:
        if subscription.disabled_reason == DisabledReason.UNSUBSCRIBED:
            return "its recipient has unsubscribed"
        return "its address has not been confirmed yet"
    return None


def matched(event: Event, subscriptions: Iterable[Subscription]) -> list[Subscription]:
    """Return the subscriptions, among its tenant's, that an event is for."""
    return [subscription for subscription in subscriptions if mismatch(subscription, event) is None]
