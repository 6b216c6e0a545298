"""Signatures of outgoing webhooks: Standard Webhooks (`webhook-signature`) and the product's own hex headers.

It only builds the headers of a request; secrets, the time and sending are the caller's. Pure: no I/O.
"""

from collections.abc import Sequence

from shared.model.subscription import Origin
from signalpost.signatures import SECRET_PREFIX, hex_signature, standard_webhooks_signature

__all__ = [
    "SECRET_PREFIX",
    "SIGNED_HEADERS",
    "STANDARD_HEADERS",
    "Origin",
    "hex_signature",
    "signature_headers",
    "standard_webhooks_signature",
]

STANDARD_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
SIGNED_HEADERS = frozenset(
    name.lower()
    for name in (*STANDARD_HEADERS, *(o.hex_header for o in Origin), *(o.previous_hex_header for o in Origin))
)
"""Lower-case names of every header this module writes, for either origin: custom headers must not use them."""


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
