"""Explains line by line why an event was, or was not, delivered, and the state of a webhook or an address. Pure.

The lines follow the order of an operator's questions. They contain text that strangers wrote, so make it safe before
printing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from shared.diagnosis.remedies import remedy, why_disabled
from shared.diagnosis.sentences import what_became, why_unsent
from shared.model.delivery import Attempt, Delivery, LoggedDelivery
from shared.model.event import StoredEvent, rfc3339
from shared.model.reasons import UNFINISHED, DeliveryState
from shared.model.subscription import Origin, Subscription
from shared.model.topology import EMAIL

_EXCERPT = 200


def delivery_story(logged: LoggedDelivery) -> Iterator[str]:
    """Yield what became of a delivery, with each attempt and each replay."""
    yield from _fate(logged.delivery)
    for replay in logged.replays:
        yield f"Sent again at {rfc3339(replay.at)} by {replay.by}: {replay.cause}"


def event_story(
    stored: StoredEvent, subscriptions: Sequence[Subscription], deliveries: Sequence[Delivery]
) -> Iterator[str]:
    """Yield what became of an event.

    Args:
        stored: the event.
        subscriptions: all of its tenant, as they are now.
        deliveries: all of the event.
    """
    event = stored.event
    yield f"Event {event.id} is {event.type} of tenant {event.tenant_id}, id {event.source_id} of {event.source}."
    yield _acceptance(stored)
    if stored.uncatalogued:
        yield "Its type is not in the catalogue: only wildcard subscriptions get it, and its data was not checked."
    by_id = {delivery.id: delivery for delivery in deliveries}
    own = {subscription.delivery_for(event.id): subscription for subscription in subscriptions}
    named = [delivery for delivery in deliveries if delivery.id not in own]
    yield _matches(len(own.keys() & by_id.keys()), len(own), len(named))
    for delivery_id, subscription in own.items():
        yield f"{_name(subscription)}:"
        found = by_id.get(delivery_id)
        yield from _indented(_fate(found) if found is not None else [why_unsent(subscription, stored)[1]])
    for delivery in named:
        deleted = "a subscription that was deleted since" if delivery.subscription_id else "named in the event"
        yield f"{delivery.target or delivery.recipient} ({delivery.channel}, {deleted}):"
        yield from _indented(_fate(delivery))


def webhook_story(webhook: Subscription, problems: Sequence[str], deliveries: Sequence[Delivery]) -> Iterator[str]:
    """Yield the state of a webhook, and what became of its newest deliveries.

    Args:
        webhook: as it is now.
        problems: sentences about what would prevent sending to it now.
        deliveries: its newest, the newest first.
    """
    path = "/signers" if webhook.origin is Origin.SIGNER else "/api/v1"
    yield f"Webhook {webhook.id} of tenant {webhook.tenant_id} sends to {webhook.target}, created under {path}."
    bound = f" about {webhook.subject}" if webhook.subject is not None else ""
    yield f"It wants {', '.join(webhook.events)}{bound}, since {rfc3339(webhook.created_at)}."
    if webhook.enabled:
        yield f"It is enabled; {webhook.consecutive_failures} consecutive deliveries have failed."
    else:
        at = "" if webhook.disabled_at is None else f" at {rfc3339(webhook.disabled_at)}"
        yield f"It was disabled{at}: {why_disabled(webhook.disabled_reason)}. Nothing is sent until it is enabled."
    yield from problems
    yield from _newest(deliveries, "No event has matched it within RETENTION_DAYS.")


def address_story(address: str, subscriptions: Sequence[Subscription], mails: Sequence[Delivery]) -> Iterator[str]:
    """Yield what is known about a mail address, and what became of its newest mails (the newest first)."""
    if not subscriptions:
        yield f"{address} has no mail subscription; it gets mails only from events that name it."
    for subscription in subscriptions:
        yield f"{_name(subscription)} of tenant {subscription.tenant_id} wants {', '.join(subscription.events)}."
        if not subscription.confirmed:
            why = why_disabled(subscription.disabled_reason) if subscription.disabled_reason else "not confirmed yet"
            yield f"  It gets nothing: {why}."
    yield from _newest(mails, "No mail to it is recorded: within RETENTION_DAYS no event named it or matched.")
    if any(mail.state is DeliveryState.DELIVERED for mail in mails):
        yield "Delivered means that our mail server accepted it. To see what happened then, search that server's log "
        yield "for the Message-ID, and look into the recipient's spam folder."


def _acceptance(stored: StoredEvent) -> str:
    if stored.dispatched_at is None:
        return (
            f"It was accepted over HTTP at {rfc3339(stored.created_at)} and not dispatched yet: "
            "check that a dispatcher runs and events.to_dispatch shrinks."
        )
    if stored.dispatched_at == stored.created_at:
        return f"It came through the broker and was dispatched at {rfc3339(stored.dispatched_at)}."
    accepted, dispatched = rfc3339(stored.created_at), rfc3339(stored.dispatched_at)
    return f"It was accepted over HTTP at {accepted} and dispatched at {dispatched}."


def _matches(matched: int, all_: int, named: int) -> str:
    others = f", and {named} deliveries went to others" if named else ""
    return f"It matched {matched} of the tenant's {all_} subscriptions{others}."


def _name(subscription: Subscription) -> str:
    kind = "mail subscription" if subscription.channel == EMAIL else "webhook"
    return f"{subscription.id} ({kind}, {subscription.target})"


def _fate(delivery: Delivery) -> Iterator[str]:
    yield what_became(delivery)
    if delivery.detail:
        yield f"Detail: {delivery.detail}"
    yield from (_attempt(attempt) for attempt in delivery.attempts)
    if delivery.state in UNFINISHED and delivery.due_at is not None:
        yield f"Attempt {delivery.attempts_made + 1} is due at {rfc3339(delivery.due_at)}."
    if delivery.message_id:
        yield f"Message-ID: {delivery.message_id}"
    is_dead = delivery.state is DeliveryState.DEAD
    if is_dead or delivery.state is DeliveryState.SKIPPED:
        yield f"To do: {remedy(delivery.reason, is_dead=is_dead)} (delivery {delivery.id})"


def _newest(deliveries: Sequence[Delivery], nothing: str) -> Iterator[str]:
    if not deliveries:
        yield nothing
        return
    states = Counter(delivery.state.value for delivery in deliveries)
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common())
    yield f"Its newest {len(deliveries)} deliveries: {counts}."
    for delivery in deliveries:
        yield f"{rfc3339(delivery.created_at)} {delivery.event_type} ({delivery.event_id}):"
        yield from _indented(_fate(delivery))


def _attempt(attempt: Attempt) -> str:
    answer = str(attempt.status) if attempt.status is not None else "no answer"
    outcome = f"{answer}, {attempt.error}" if attempt.error else answer
    doubt = " It may have been accepted anyway." if attempt.unknown_outcome else ""
    said = f" It said: {attempt.excerpt[:_EXCERPT]}" if attempt.error and attempt.excerpt else ""
    detail = f": {attempt.detail}" if attempt.detail else "."
    return (
        f"Attempt {attempt.number} at {rfc3339(attempt.started_at)} took {attempt.duration_ms} ms: "
        f"{outcome}{detail}{doubt}{said}"
    )


def _indented(lines: Iterator[str] | Sequence[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
