"""Explains the state of a delivery in sentences for people. Pure."""

from shared.model.delivery import Delivery
from shared.model.event import StoredEvent
from shared.model.matching import mismatch
from shared.model.reasons import DeadReason, DeliveryState, SkipReason
from shared.model.subscription import Subscription

_SKIPPED = {
    SkipReason.WEBHOOK_DISABLED: "The webhook was disabled when the event came; `recover` sends it.",
    SkipReason.TRANSPORT_DISABLED: "This deployment did not send on this channel; `recover` sends it once it does.",
    SkipReason.UNCONFIRMED: "The address had not been confirmed when the event came.",
}


def reason_sentence(state: DeliveryState, reason: str | None) -> str | None:
    """Return what a delivery's reason means; None without a reason, or for one that only a newer version knows."""
    if state is DeliveryState.DEAD and reason in set(DeadReason):
        return DeadReason(reason).sentence
    if state is DeliveryState.SKIPPED and reason in set(SkipReason):
        return _SKIPPED[SkipReason(reason)]
    return None


def why_unsent(subscription: Subscription, stored: StoredEvent) -> tuple[bool, str]:
    """Return whether an event is for a subscription without a delivery of it, and a sentence that says why not."""
    why = mismatch(subscription, stored.event)
    if why is not None:
        return False, f"Not matched: {why}."
    if stored.dispatched_at is None:
        return True, "It matches; the event has not been dispatched yet."
    if subscription.created_at > stored.created_at:
        return False, "It matches now, but was created after the event arrived."
    if subscription.updated_at > stored.created_at:
        return False, "It matches now, but was changed after the event arrived."
    return True, "It matches, but its delivery is no longer recorded."


def what_became(delivery: Delivery) -> str:
    """Return what became of a matched delivery, in one sentence."""
    attempts = f"{delivery.attempts_made} attempt{'' if delivery.attempts_made == 1 else 's'}"
    match delivery.state:
        case DeliveryState.DELIVERED:
            return f"Delivered after {attempts}."
        case DeliveryState.PENDING:
            return "Waits to be sent."
        case DeliveryState.RETRYING:
            return f"Failed in {attempts}; another follows."
    sentence = reason_sentence(delivery.state, delivery.reason) or delivery.reason or ""
    return f"{sentence} ({attempts})" if delivery.attempts_made else sentence
