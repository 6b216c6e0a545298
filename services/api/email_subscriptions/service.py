"""What the routes for mail subscriptions do. An address gets nothing but requests to confirm, and few of those, until
whoever reads its mail has said yes: nobody can subscribe a stranger, or use this to bother one.
"""

from secrets import token_hex
from typing import Final

from services.api.email_subscriptions.schemas import EmailSubscriptionCreate
from services.api.http.context import ApiContext
from services.api.http.problems import FieldProblem, Problem, invalid_fields
from services.api.http.publishing import publish_confirmed
from services.api.webhooks.service import checked_patterns
from shared.mail.address import InvalidMailAddress, mailbox
from shared.model.delivery import Delivery
from shared.model.event import StoredEvent, epoch_ms, webhook_body
from shared.model.identity import email_subscription_id
from shared.model.reasons import DeliveryState, SkipReason
from shared.model.routing import task_message
from shared.model.subscription import Subscription
from shared.model.system_events import CONFIRMATION, system_event
from shared.model.task import task_for
from shared.model.topology import EMAIL
from shared.process.clock import now_ms, utc_now
from signalpost.traceparent import traceparent_or_new

MAX_EMAIL_SUBSCRIPTIONS: Final = 500
"""Of one tenant: each event is matched against all of them."""


async def subscribe(
    context: ApiContext, tenant_id: str, body: EmailSubscriptionCreate
) -> tuple[Subscription, bool, str | None]:
    """Store a mail subscription, or new events for the one that is there, and ask the address to confirm if needed.

    Returns:
        The subscription, whether it is new, and the delivery of the request to confirm if one was sent.

    Raises:
        Problem: a field breaks a rule, there are enough already, or the deployment can't make links.
    """
    if context.links is None:
        detail = "This deployment takes no e-mail subscriptions: PUBLIC_URL is not set, and mails need links to it."
        raise Problem(503, "public_url_missing", detail)
    wanted = _checked(context, tenant_id, body)
    known = await context.email_subscriptions.get(tenant_id, wanted.id)
    if known is None:
        await _make_room(context, tenant_id)
    subscription, is_new = await context.email_subscriptions.put(wanted)
    asked = None if subscription.confirmed else await _ask(context, subscription)
    return subscription, is_new, asked


def _checked(context: ApiContext, tenant_id: str, body: EmailSubscriptionCreate) -> Subscription:
    patterns, errors = checked_patterns(body.events, context.catalogue)
    address = ""
    try:
        address = mailbox(body.address)
    except InvalidMailAddress:
        message = "This is no address that mail can be sent to; expected local@domain and nothing around it."
        errors.insert(0, FieldProblem(field="address", message=message, code="invalid_address"))
    if errors:
        raise invalid_fields(errors)
    now = utc_now()
    return Subscription(
        id=email_subscription_id(tenant_id=tenant_id, address=address),
        tenant_id=tenant_id,
        channel=EMAIL,
        events=patterns,
        subject=None,
        enabled=True,
        confirmed=False,
        address=address,
        created_at=now,
        updated_at=now,
    )


async def _make_room(context: ApiContext, tenant_id: str) -> None:
    if await context.email_subscriptions.count(tenant_id) >= MAX_EMAIL_SUBSCRIPTIONS:
        detail = f"There are {MAX_EMAIL_SUBSCRIPTIONS} e-mail subscriptions already; delete one first."
        raise Problem(409, "too_many_email_subscriptions", detail)
    if not await context.confirmations.addresses_left(tenant_id, at=utc_now()):
        detail = "So many addresses were asked to confirm today that no more are; try again tomorrow."
        raise Problem(429, "too_many_confirmations", detail, headers={"Retry-After": "3600"})


async def _ask(context: ApiContext, subscription: Subscription) -> str | None:
    """Send a request to confirm, unless the address was asked lately; returns its delivery."""
    if not await context.confirmations.claim(subscription.tenant_id, subscription.address, at=utc_now()):
        return None
    stored, delivery = _request(subscription, is_sent=context.settings.notification_transport == "smtp")
    await context.confirmations.add(stored, delivery)
    if delivery.state is DeliveryState.PENDING:
        task = task_for(delivery, webhook_body(stored.event), accepted_at=epoch_ms(stored.created_at))
        await publish_confirmed(context, [task_message(task, now_ms=now_ms())])
    return delivery.id


def _request(subscription: Subscription, *, is_sent: bool) -> tuple[StoredEvent, Delivery]:
    """Return the event that asks and its one delivery. The event counts as dispatched, so nobody else ever gets it.

    The link is in neither: the mailer makes it.
    """
    now = utc_now()
    event = system_event(
        tenant_id=subscription.tenant_id,
        source_id=f"{CONFIRMATION}/{subscription.id}/{token_hex(16)}",
        type_=CONFIRMATION,
        time=now,
        subject=f"email-subscriptions/{subscription.id}",
        data={"address": subscription.address, "events": list(subscription.events)},
    )
    delivery = Delivery(
        id=subscription.delivery_for(event.id),
        tenant_id=subscription.tenant_id,
        event_id=event.id,
        event_type=event.type,
        subscription_id=subscription.id,
        channel=EMAIL,
        state=DeliveryState.PENDING if is_sent else DeliveryState.SKIPPED,
        reason=None if is_sent else SkipReason.TRANSPORT_DISABLED.value,
        created_at=now,
        updated_at=now,
        due_at=now if is_sent else None,
        recipient=subscription.address,
        target=subscription.address,
        traceparent=traceparent_or_new(None),
    )
    return StoredEvent(event=event, created_at=now, dispatched_at=now, matched=1, uncatalogued=False), delivery
