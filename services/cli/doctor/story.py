"""Collects what `worker doctor` explains about an event, a webhook or an address.

It only reads; `shared.diagnosis.story` writes the sentences.
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
"""How many of the newest deliveries are shown."""
MOST_DEAD: Final = 5
"""How many dead letters of one event are shown."""


async def tell_event(context: OperatorContext, wanted: str) -> list[str] | None:
    """Explain every event with this internal or producer id; None if there is none."""
    stored = await context.everything.event(wanted)
    events = [stored] if stored is not None else await context.everything.events_called(wanted, limit=MOST_DEAD)
    lines = [line for event in events for line in await _tell_stored(context, event)]
    async with aclosing(letters(context.amqp_url, Wanted(queues=(EVENT,), id=wanted), limit=MOST_DEAD)) as chunks:
        async for chunk in chunks:
            lines += [line for item in chunk.found for line in _tell_dead_letter(item.letter)]
    if lines:
        return lines
    state = (await queue_states(context.amqp_url, [EVENTS_TO_DISPATCH], name="worker.doctor"))[EVENTS_TO_DISPATCH]
    if state is not None and state.messages:
        return [f"It is not recorded; it may be among the {state.messages} waiting in {EVENTS_TO_DISPATCH}."]
    return None


async def _tell_stored(context: OperatorContext, stored: StoredEvent) -> Iterator[str]:
    tenant_id = stored.event.tenant_id
    subscriptions = await context.subscriptions.all(tenant_id)
    return event_story(stored, subscriptions, await context.deliveries.of_event(tenant_id, stored.event.id))


def _tell_dead_letter(letter: Letter) -> Iterator[str]:
    at = "" if letter.parked_at is None else f" at {letter.parked_at:%Y-%m-%dT%H:%M:%SZ}"
    yield f"Event {letter.source_id or letter.id} was not accepted; see notifications.dlq.event{at}:"
    yield f"  {letter.reason}: {letter.detail or 'no detail'}"
    yield f"  To do: {remedy(letter.reason, is_dead=True)} (`worker dlq show {letter.id}`)"


async def tell_webhook(
    context: OperatorContext, webhook_id: str, settings: WebhookSettings | None
) -> list[str] | None:
    """Explain a webhook; None if it doesn't exist."""
    webhook = await context.everything.webhook(webhook_id)
    if webhook is None:
        return None
    page = await context.deliveries.page(
        webhook.tenant_id, DeliveryFilter(subscription_id=webhook_id), after=None, limit=NEWEST
    )
    problems = [problem async for problem in _problems(webhook, settings)]
    return list(webhook_story(webhook, problems, [logged.delivery for logged in page]))


async def tell_address(context: OperatorContext, address: str) -> list[str]:
    """Explain a mail address."""
    subscriptions = await context.everything.subscriptions_of(address)
    mails = await context.everything.mails_to(address, limit=NEWEST)
    return list(address_story(address, subscriptions, mails))


async def _problems(webhook: Subscription, settings: WebhookSettings | None) -> AsyncIterator[str]:
    """Yield what would prevent sending to a webhook now."""
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
