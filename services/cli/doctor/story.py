"""Gathers what `worker doctor` tells of an event, a webhook or an address. Only reads; `shared.diagnosis.story` words
it.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Final

from services.cli.context import OperatorContext
from services.cli.dlq.letter import Letter, Wanted
from services.cli.dlq.queues import letters
from services.webhook.settings import WebhookSettings
from shared.broker.browser import queue_states
from shared.diagnosis.remedies import remedy
from shared.diagnosis.story import address_story, event_story, webhook_story
from shared.model.event import StoredEvent
from shared.model.subscription import Subscription
from shared.model.topology import EVENT, EVENTS_TO_DISPATCH
from shared.outbound.policy import OutboundPolicy, UrlRefused
from shared.outbound.resolver import SystemResolver, resolve_and_check
from shared.secrets.keyring import SecretUnavailable
from shared.storage.tenant.deliveries import DeliveryFilter

NEWEST: Final = 10
"""So many of the newest deliveries are told."""
MOST_PARKED: Final = 5
"""So many parked copies of one event are told."""


async def tell_event(context: OperatorContext, wanted: str) -> list[str] | None:
    """Return the story of each event with this id (ours, or its producer's); None if there is none anywhere."""
    stored = await context.everything.event(wanted)
    events = [stored] if stored is not None else await context.everything.events_called(wanted, limit=MOST_PARKED)
    lines = [line for event in events for line in await _tell_stored(context, event)]
    async with aclosing(letters(context.amqp_url, Wanted(queues=(EVENT,), id=wanted), limit=MOST_PARKED)) as chunks:
        async for chunk in chunks:
            lines += [line for item in chunk.found for line in _tell_parked(item.letter)]
    if lines:
        return lines
    state = (await queue_states(context.amqp_url, [EVENTS_TO_DISPATCH], name="worker.doctor"))[EVENTS_TO_DISPATCH]
    if state is not None and state.messages:
        return [f"It is not recorded; {state.messages} events still wait in {EVENTS_TO_DISPATCH}, perhaps it is one."]
    return None


async def _tell_stored(context: OperatorContext, stored: StoredEvent) -> Iterator[str]:
    tenant_id = stored.event.tenant_id
    subscriptions = await context.subscriptions.all(tenant_id)
    return event_story(stored, subscriptions, await context.deliveries.of_event(tenant_id, stored.event.id))


def _tell_parked(letter: Letter) -> Iterator[str]:
    at = "" if letter.parked_at is None else f" at {letter.parked_at:%Y-%m-%dT%H:%M:%SZ}"
    yield f"Event {letter.source_id or letter.id} was not accepted, and parked in notifications.dlq.event{at}:"
    yield f"  {letter.reason}: {letter.detail or 'no detail'}"
    yield f"  To do: {remedy(letter.reason, is_dead=True)} (`worker dlq show {letter.id}`)"


async def tell_webhook(
    context: OperatorContext, webhook_id: str, settings: WebhookSettings | None
) -> list[str] | None:
    """Return the story of a webhook; None if there is no such webhook."""
    webhook = await context.everything.webhook(webhook_id)
    if webhook is None:
        return None
    page = await context.deliveries.page(
        webhook.tenant_id, DeliveryFilter(subscription_id=webhook_id), after=None, limit=NEWEST
    )
    problems = [problem async for problem in _problems(webhook, settings)]
    return list(webhook_story(webhook, problems, [logged.delivery for logged in page]))


async def tell_address(context: OperatorContext, address: str) -> list[str]:
    """Return the story of a mail address."""
    subscriptions = await context.everything.subscriptions_of(address)
    mails = await context.everything.mails_to(address, limit=NEWEST)
    return list(address_story(address, subscriptions, mails))


async def _problems(webhook: Subscription, settings: WebhookSettings | None) -> AsyncIterator[str]:
    """Yield what would keep a webhook from being sent to now."""
    if settings is None:
        yield "Its URL and secret were not checked: `worker webhook` could not use these settings."
        return
    policy, resolver = OutboundPolicy.from_settings(settings), SystemResolver()
    try:
        await resolve_and_check(policy, webhook.url, resolver=resolver)
    except UrlRefused as refused:
        yield f"The outbound policy refuses its URL: {refused.reason}"
    finally:
        await resolver.close()
    try:
        if webhook.secret is not None:
            settings.keyring().open(webhook.id, webhook.secret)
    except SecretUnavailable as unavailable:
        yield f"Its secret can't be derived, so its deliveries wait: {unavailable}."
