"""Where the signed links in mails lead. There is no token here but the link's own, and GET changes nothing."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from services.api.email_subscriptions.link_pages import HEADERS, page
from services.api.http.context import ApiContext, Context
from services.api.http.openapi import problems
from shared.model.subscription import Subscription
from shared.process.clock import utc_now
from shared.secrets.signed_links import LinkRefused, Purpose

log = structlog.get_logger(__name__)

router = APIRouter(
    prefix="/email-subscriptions",
    tags=["links in mails"],
    default_response_class=HTMLResponse,
    responses={400: {"description": "No valid link", "content": {"text/html": {}}}, **problems(503)},
)
Token = Annotated[str, Query(description="From the link in the mail.")]


@router.get("/confirm", name="ask_to_confirm_email_subscription")
async def ask_to_confirm(context: Context, token: Token = "") -> HTMLResponse:
    """Show what is to be confirmed, and a button."""
    subscription = await _subscription(context, Purpose.CONFIRM, token)
    if subscription is None:
        return _invalid()
    branding = await context.branding.get(subscription.tenant_id)
    who = branding.organization_name or branding.app_name or "Somebody"
    what = f"{who} wants to write to {subscription.address} when one of these events happens:"
    return _answer("Confirm this address", what, ", ".join(subscription.events), button="Yes, send them to me")


@router.post("/confirm", name="confirm_email_subscription")
async def confirm(context: Context, token: Token = "") -> HTMLResponse:
    """Confirm the address."""
    subscription = await _subscription(context, Purpose.CONFIRM, token)
    if subscription is None or not await context.consents.give(subscription, at=utc_now()):
        return _invalid()
    log.info("email_subscription.confirmed", subscription_id=subscription.id, tenant_id=subscription.tenant_id)
    return _answer(
        "Confirmed", f"Events will reach {subscription.address} from now on. Every mail has a link that ends them."
    )


@router.get("/unsubscribe", name="ask_to_unsubscribe")
async def ask_to_unsubscribe(context: Context, token: Token = "") -> HTMLResponse:
    """Show what would end, and a button."""
    subscription = await _subscription(context, Purpose.UNSUBSCRIBE, token)
    if subscription is None:
        return _invalid()
    return _answer("Unsubscribe?", f"No more events will be sent to {subscription.address}.", button="Unsubscribe")


@router.post("/unsubscribe", name="unsubscribe")
async def unsubscribe(context: Context, token: Token = "") -> HTMLResponse:
    """End the mails; also what a mail program's own button posts to (RFC 8058)."""
    subscription = await _subscription(context, Purpose.UNSUBSCRIBE, token)
    if subscription is None or not await context.consents.withdraw(subscription, at=utc_now()):
        return _invalid()
    log.info("email_subscription.ended", subscription_id=subscription.id, tenant_id=subscription.tenant_id)
    return _answer("Unsubscribed", f"No more events will be sent to {subscription.address}.")


async def _subscription(context: ApiContext, purpose: Purpose, token: str) -> Subscription | None:
    """Return the subscription that a link is for, if it is a valid one and the subscription still exists."""
    if context.links is None:
        return None
    try:
        grant = context.links.open(purpose, token, now=utc_now())
    except LinkRefused:
        return None
    subscription = await context.consents.get(grant.subscription_id)
    return subscription if subscription is not None and grant.is_for(subscription.address) else None


def _answer(title: str, *sentences: str, button: str = "", status: int = 200) -> HTMLResponse:
    return HTMLResponse(page(title, *sentences, button=button), status, HEADERS)


def _invalid() -> HTMLResponse:
    return _answer(
        "This link does not work",
        "It is incomplete or too old, or the subscription that it was for no longer exists.",
        status=400,
    )
