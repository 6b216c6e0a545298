"""Identifiers: derived where a repeat must not create a second object, random elsewhere.

An event's id follows from (tenant, source, id) and a delivery's id from event and target, so a repeat by producer or
broker finds the object that the first one created. Pure: no I/O.
"""

import hashlib
import secrets
from base64 import b32encode

_SEPARATOR = b"\x00"  # cannot occur in the parts: they come out of validated JSON strings without control characters


def event_id(*, tenant_id: str, source: str, source_id: str) -> str:
    """Return the internal id of the event with this identity (CloudEvents 1.0: source + id is unique)."""
    return "evt_" + _digest(tenant_id, source, source_id)


def delivery_id(*, event_id: str, target: str) -> str:
    """Return the id of the one delivery of this event to this target (a subscription id, or `mailto:address`)."""
    return "dlv_" + _digest(event_id, target)


def new_webhook_id() -> str:
    """Return a fresh webhook id with 128 random bits."""
    return "wh_" + _base32(secrets.token_bytes(16))


def email_subscription_id(*, tenant_id: str, address: str) -> str:
    """Return the id of a tenant's one subscription for this address; upper and lower case don't differ."""
    return "es_" + _digest(tenant_id, address.casefold())


def _digest(*parts: str) -> str:
    return _base32(hashlib.sha256(_SEPARATOR.join(part.encode() for part in parts)).digest())


def _base32(raw: bytes) -> str:
    return b32encode(raw).rstrip(b"=").decode().lower()
