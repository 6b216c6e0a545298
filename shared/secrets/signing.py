"""Signatures of outgoing webhooks: Standard Webhooks (`webhook-signature`) and the product's own hex headers.

It only builds the headers of a request; secrets, the time and sending are the caller's. Pure: no I/O. Signing a 1 kB
body with one secret costs about 15 microseconds, including base64, so nothing is prepared or cached.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

from shared.model.subscription import Origin

SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix, not a secret
"""A webhook's secret begins with this; the base64 of the signing key follows."""

STANDARD_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
SIGNED_HEADERS = frozenset(
    name.lower()
    for name in (*STANDARD_HEADERS, *(o.hex_header for o in Origin), *(o.previous_hex_header for o in Origin))
)
"""Lower-case names of every header this module writes, for either origin: custom headers must not use them."""


def standard_webhooks_signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,<base64>`: HMAC-SHA256 of `id.timestamp.body`, keyed with the secret's decoded bytes.

    Source: standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature scheme".

    Args:
        secret: `whsec_` + base64.
        message_id: the value of the `webhook-id` header; the same on every attempt.
        timestamp: the value of the `webhook-timestamp` header: Unix seconds of this attempt.
        body: the raw bytes that are posted.

    Raises:
        ValueError: the secret has another form. The message does not repeat it.
    """
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"a webhook secret begins with {SECRET_PREFIX}")
    key = b64decode(secret[len(SECRET_PREFIX) :], validate=True)
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + b64encode(digest).decode()


def hex_signature(secret: str, body: bytes) -> str:
    """Return the hex HMAC-SHA256 of the raw body; the key is the secret's text itself, `whsec_` included."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


def signature_headers(
    *, origin: Origin, secrets: Sequence[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return every header that lets a receiver verify one request.

    Args:
        origin: which API the webhook was made under.
        secrets: the current secret, then the previous one while both are valid.
        message_id: the event id, the same on every attempt.
        timestamp: Unix seconds of this attempt.
        body: the raw bytes that are posted.

    Raises:
        ValueError: there are not one or two secrets, or one is malformed.
    """
    if not 1 <= len(secrets) <= 2:
        raise ValueError(f"a request is signed with one secret or two, not {len(secrets)}")
    signatures = (standard_webhooks_signature(secret, message_id, timestamp, body) for secret in secrets)
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
        origin.hex_header: f"sha256={hex_signature(secrets[0], body)}",
    }
    if len(secrets) == 2:
        headers[origin.previous_hex_header] = f"sha256={hex_signature(secrets[1], body)}"
    return headers
