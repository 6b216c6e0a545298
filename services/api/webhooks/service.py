"""What the routes for webhooks do, whether they are a tenant's (`/api/v1`) or a signer's (`/signers`).

The rules are checked together, so that their owner hears of all mistakes at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from typing import Any

from services.api.events.service import accept
from services.api.http.auth import Caller
from services.api.http.context import ApiContext
from services.api.http.paging import PageRequest
from services.api.http.problems import FieldProblem, Problem, invalid_fields, not_found
from services.api.webhooks.schemas import SentTest, Webhook, WebhookCreate, WebhookPage, WebhookPatch
from shared.catalogue import Catalogue
from shared.model.identity import new_webhook_id
from shared.model.patterns import InvalidPattern, matches, parse_pattern
from shared.model.reasons import DisabledReason
from shared.model.retry import MAX_RETRY_AFTER, parse_duration
from shared.model.subscription import Origin, Subscription
from shared.model.system_events import TEST_EVENT, system_event
from shared.model.topology import WEBHOOK
from shared.outbound.custom_headers import header_problem
from shared.outbound.policy import UrlRefused
from shared.outbound.resolver import resolve_and_check
from shared.process.clock import utc_now
from shared.storage.tenant.pages import Position
from shared.storage.tenant.webhooks import WebhookScope

MAX_WEBHOOKS = 1000
"""Of one tenant: each event is matched against all of them."""


@dataclass(frozen=True, kw_only=True)
class WebhookOwner:
    """On whose behalf a webhook is made, and through which API."""

    scope: WebhookScope
    origin: Origin


async def list_webhooks(context: ApiContext, scope: WebhookScope, paging: PageRequest) -> WebhookPage:
    """Return a page of the webhooks in a scope."""
    rows = await context.webhooks.page(scope, after=paging.after, limit=paging.rows)
    page, cursor = paging.cut(rows, lambda row: Position(row.created_at, row.id))
    return WebhookPage(items=[Webhook.of(row) for row in page], next_cursor=cursor)


async def create_webhook(context: ApiContext, owner: WebhookOwner, wanted: WebhookCreate) -> tuple[Subscription, str]:
    """Store a new webhook; returns it with its secret.

    Raises:
        Problem: a field breaks a rule, or the tenant has as many webhooks as it may.
    """
    fields = await _checked(context, wanted.model_dump(exclude={"enabled"}))
    tenant_id = owner.scope.tenant_id
    if await context.webhooks.count(tenant_id) >= MAX_WEBHOOKS:
        raise Problem(409, "too_many_webhooks", f"There are {MAX_WEBHOOKS} webhooks already; delete one first.")
    now, webhook_id = utc_now(), new_webhook_id()
    stored, secret = context.keyring.create(webhook_id)
    webhook = Subscription(
        id=webhook_id,
        tenant_id=tenant_id,
        channel=WEBHOOK,
        subject=owner.scope.subject,
        origin=owner.origin,
        secret=stored,
        enabled=wanted.enabled,
        disabled_reason=None if wanted.enabled else DisabledReason.OWNER.value,
        disabled_at=None if wanted.enabled else now,
        created_at=now,
        updated_at=now,
        **fields,
    )
    await context.subscriptions.add(webhook)
    return webhook, secret


async def change_webhook(
    context: ApiContext, scope: WebhookScope, webhook_id: str, patch: WebhookPatch
) -> Subscription:
    """Change what a patch names, and nothing else.

    Raises:
        Problem: there is no such webhook, or a field breaks a rule.
    """
    if await context.webhooks.get(scope, webhook_id) is None:
        raise not_found("webhook")
    given = patch.model_dump(exclude_unset=True)
    enabled = given.pop("enabled", None)
    fields = await _checked(context, given)
    webhook = await context.webhooks.change(scope, webhook_id, _plain(fields), enabled=enabled, at=utc_now())
    if webhook is None:
        raise not_found("webhook")
    return webhook


async def rotate_secret(
    context: ApiContext, scope: WebhookScope, webhook_id: str, overlap_seconds: int
) -> tuple[Subscription, str]:
    """Give a webhook a new secret; returns it with the secret.

    Raises:
        Problem: there is no such webhook, or somebody else rotated its secret at the same moment.
    """
    webhook = await context.webhooks.get(scope, webhook_id)
    if webhook is None:
        raise not_found("webhook")
    now = utc_now()
    stored, secret = context.keyring.create(webhook_id)
    expires_at = now + timedelta(seconds=overlap_seconds) if overlap_seconds else None
    rotated = await context.webhooks.rotate(webhook, stored, previous_expires_at=expires_at, at=now)
    if rotated is None:
        raise Problem(409, "rotated_meanwhile", "Somebody else rotated this secret at the same moment; look again.")
    return rotated, secret


async def send_test(context: ApiContext, caller: Caller, scope: WebhookScope, webhook_id: str) -> SentTest:
    """Send a test event to a webhook, also a disabled one; returns where to look for what came of it.

    Raises:
        Problem: there is no such webhook.
    """
    webhook = await context.webhooks.get(scope, webhook_id)
    if webhook is None:
        raise not_found("webhook")
    event = system_event(
        tenant_id=webhook.tenant_id,
        source_id=f"webhook-test/{webhook.id}/{token_hex(16)}",
        type_=TEST_EVENT,
        time=utc_now(),
        subject=f"webhooks/{webhook.id}",
        data={
            "webhook_id": webhook.id,
            "message": "This is a test event from Signalpost. It is sent once and never repeated.",
            "sent_by": caller.subject,
        },
    )
    accepted = await accept(context, event)
    return SentTest(event_id=accepted.event_id, delivery_id=webhook.delivery_for(accepted.event_id))


async def _checked(context: ApiContext, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given fields as they are stored; what was given as null becomes the field's default."""
    fields = dict(given)
    errors: list[FieldProblem] = []
    if "events" in given:
        fields["events"], found = checked_patterns(given["events"], context.catalogue)
        errors += found
    if "headers" in given:
        fields["headers"] = given["headers"] or {}
        errors += _header_errors(fields["headers"])
    if given.get("retry_schedule") is not None:
        fields["retry_schedule"], found = _schedule(given["retry_schedule"])
        errors += found
    if "description" in given:
        fields["description"] = given["description"] or ""
    if "url" in given:
        errors = await _url_errors(context, given["url"]) + errors
    if errors:
        raise invalid_fields(errors)
    return fields


async def _url_errors(context: ApiContext, url: str) -> list[FieldProblem]:
    try:
        await resolve_and_check(context.policy, url, resolver=context.resolver)
    except UrlRefused as refused:
        return [FieldProblem(field="url", message=refused.reason, code="url_refused")]
    return []


def checked_patterns(given: Sequence[str], catalogue: Catalogue) -> tuple[tuple[str, ...], list[FieldProblem]]:
    """Return the patterns of a subscription, each once, and what is wrong with them."""
    patterns: dict[str, None] = {}
    errors = []
    for position, text in enumerate(given):
        field = f"events.{position}"
        try:
            pattern = parse_pattern(text)
        except InvalidPattern as error:
            errors.append(FieldProblem(field=field, message=f"{error}.", code="invalid_pattern"))
            continue
        if not any(matches(pattern, event_type) for event_type in catalogue.types):
            message = f"No event type matches {pattern!r}; GET /api/v1/event-types lists them."
            errors.append(FieldProblem(field=field, message=message, code="unknown_event_type"))
        patterns[pattern] = None
    return tuple(patterns), errors


def _header_errors(headers: Mapping[str, str]) -> list[FieldProblem]:
    errors = []
    seen: set[str] = set()
    for name, value in headers.items():
        message = header_problem(name, value)
        if message is None and name.lower() in seen:
            message = f"The header {name} is there twice: names differ in more than case."
        if message is not None:
            errors.append(FieldProblem(field=f"headers.{name[:64]}", message=message, code="invalid_header"))
        seen.add(name.lower())
    return errors


def _schedule(given: Sequence[str | float]) -> tuple[tuple[float, ...], list[FieldProblem]]:
    waits = []
    errors = []
    for position, wait in enumerate(given):
        try:
            seconds = parse_duration(wait) if isinstance(wait, str) else wait
            if seconds > MAX_RETRY_AFTER:
                raise ValueError("a wait in a retry schedule is at most 24h")
        except ValueError as error:
            field = f"retry_schedule.{position}"
            errors.append(FieldProblem(field=field, message=f"{error}.", code="invalid_duration"))
        else:
            waits.append(round(seconds, 3))
    return tuple(waits), errors


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields in the types that documents hold."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
