"""Identifiers: derived where a repeat must not create a second object, random elsewhere.

An event's id follows from (tenant, source, id) and a delivery's id from event and target, so a repeat by producer or
broker finds the object that the first one created. Pure: no I/O.
"""

import secrets

from signalpost.identity import base32, derived_id, event_id

__all__ = ["delivery_id", "email_subscription_id", "event_id", "new_webhook_id"]


def delivery_id(*, event_id: str, target: str) -> str:
    """Return the id of the one delivery of this event to this target (a subscription id, or `mailto:address`)."""
    return derived_id("dlv", event_id, target)


def new_webhook_id() -> str:
    """Return a fresh webhook id with 128 random bits."""
    return f"wh_{base32(secrets.token_bytes(16))}"


def email_subscription_id(*, tenant_id: str, address: str) -> str:
    """Return the id of a tenant's one subscription for this address; upper and lower case don't differ."""
    return derived_id("es", tenant_id, address.casefold())
