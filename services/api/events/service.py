"""Events that come in over HTTP: read, checked, stored, published, and only then accepted.

`data` passes through byte for byte: the envelope is taken apart and put together again around it, unread.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from services.api.http.auth import Caller, Role
from services.api.http.context import ApiContext
from services.api.http.problems import FieldProblem, Problem, invalid_fields
from services.api.http.publishing import publish_confirmed
from shared.catalogue import Catalogue
from shared.model.event import OWN_SOURCE, Event, InvalidMessage, is_reserved_source, rfc3339
from shared.model.routing import event_message
from shared.model.system_events import is_internal
from shared.process.clock import now_ms, utc_now
from shared.storage.tenant.idempotency import KeyUse
from shared.telemetry.metrics import EVENTS_REJECTED, REJECTIONS
from shared.telemetry.spans import event_facts, sending
from signalpost.checking import read_event
from signalpost.traceparent import traceparent_or_new

MAX_KEY: Final = 255
_ATTRIBUTES = ("specversion", "id", "source", "type", "time", "tenantid", "subject", "datacontenttype", "data")

_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a producer sent."""

    body: bytes
    idempotency_key: str | None
    traceparent: str | None


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """An event that is stored and on the broker."""

    event_id: str
    duplicate: bool


async def ingest(context: ApiContext, caller: Caller, request: Request) -> Accepted:
    """Accept a producer's event.

    Raises:
        Problem: it is no valid event, not the caller's to publish, its key was used for another body, or the
            broker can't keep up.
    """
    try:
        return await _ingest(context, caller, request)
    except Problem as problem:
        if problem.code in REJECTIONS:
            EVENTS_REJECTED.labels(problem.code).inc()
        raise


async def _ingest(context: ApiContext, caller: Caller, request: Request) -> Accepted:
    event = read_request(request, caller, context.catalogue)
    if event.tenant_id != caller.tenant and Role.PLATFORM_PRODUCER not in caller.roles:
        detail = "This token publishes for its own tenant only: correct tenantid, or use the role PLATFORM_PRODUCER."
        raise Problem(403, "wrong_tenant", detail)
    with context.admission.enter():
        if request.idempotency_key is not None:
            await _claim_key(context, caller, request, event)
        return await accept(context, event)


async def _claim_key(context: ApiContext, caller: Caller, request: Request, event: Event) -> None:
    use = KeyUse(
        tenant_id=caller.tenant,
        subject=caller.subject,
        key=request.idempotency_key or "",
        body_sha256=hashlib.sha256(request.body).hexdigest(),
        event_id=event.id,
    )
    first = await context.idempotency.claim(use, at=utc_now())
    if first.body_sha256 != use.body_sha256:
        detail = "This Idempotency-Key was used for another body; choose a new key for a new event."
        raise Problem(422, "idempotency_conflict", detail)


async def accept(context: ApiContext, event: Event) -> Accepted:
    """Store an event and publish it, unless the same event has come before and is dispatched already.

    Raises:
        StorageUnavailable: nothing is known to be stored; a repeat is safe.
        Problem: it is stored, but the broker did not confirm it.
    """
    if context.tracing is None:
        return await _accept(context, replace(event, traceparent=traceparent_or_new(event.traceparent)))
    with sending(context.tracing, event.traceparent) as span:
        span.note(event_facts(event))
        return await _accept(context, replace(event, traceparent=span.traceparent))


async def _accept(context: ApiContext, event: Event) -> Accepted:
    uncatalogued = context.catalogue.get(event.type) is None
    is_new = await context.accepted_events.add_accepted(event, at=utc_now(), uncatalogued=uncatalogued)
    if not is_new:
        # The first one counts, whatever the repeat holds. Dispatching it twice leads to nothing new.
        stored = await context.events.get(event.tenant_id, event.id)
        if stored is None or stored.dispatched_at is not None:
            return Accepted(event_id=event.id, duplicate=True)
        event = stored.event
    await publish_confirmed(context, [event_message(event, accepted_at=now_ms())])
    return Accepted(event_id=event.id, duplicate=not is_new)


def read_request(request: Request, caller: Caller, catalogue: Catalogue) -> Event:
    """Return the event that a producer means.

    Raises:
        Problem: 422 that names the attribute.
    """
    try:
        given = _objects.decode(request.body)
        event = read_event(msgspec.json.encode(_defaults(request, caller) | given), catalogue)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the body is no JSON object: {error}"
        raise invalid_fields([FieldProblem(field="body", message=message, code="invalid_body")]) from error
    except InvalidMessage as error:
        field = _attribute(str(error))
        raise invalid_fields([FieldProblem(field=field, message=str(error), code="invalid_event")]) from error
    if is_reserved_source(event.source):
        message = f"source: {OWN_SOURCE} and what stands below it are Signalpost's own; choose another source"
        raise invalid_fields([FieldProblem(field="source", message=message, code="reserved_source")])
    if is_internal(event.type):
        message = f"type: {event.type} is emitted by Signalpost alone; choose another type"
        raise invalid_fields([FieldProblem(field="type", message=message, code="reserved_event_type")])
    return event


def _defaults(request: Request, caller: Caller) -> dict[str, object]:
    """Return what an event that comes over HTTP may leave out."""
    defaults: dict[str, object] = {
        "specversion": "1.0",
        "time": rfc3339(utc_now()),
        "tenantid": caller.tenant,
        "traceparent": request.traceparent,
    }
    if request.idempotency_key is not None:
        defaults["id"] = request.idempotency_key
    return defaults


def _attribute(message: str) -> str:
    """Return the attribute that a sentence about an event is about."""
    name = message.partition(":")[0]
    if name.split(".")[0] in _ATTRIBUTES:
        return name
    return next((word for word in _ATTRIBUTES if f"`{word}`" in message or f"`$.{word}`" in message), "body")
