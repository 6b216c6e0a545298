"""The id of an event, derived from who published it: the same event published twice has the same id. Pure."""

import hashlib
from base64 import b32encode

_SEPARATOR = b"\x00"  # cannot occur in the parts: they come out of validated JSON strings without control characters


def event_id(*, tenant_id: str, source: str, source_id: str) -> str:
    """Return the internal id of the event with this identity (CloudEvents 1.0: source + id is unique)."""
    return derived_id("evt", tenant_id, source, source_id)


def derived_id(kind: str, *parts: str) -> str:
    """Return the id that follows from the parts, such as `evt_my4eefnz…`; other parts give another id."""
    return f"{kind}_{base32(hashlib.sha256(_SEPARATOR.join(part.encode() for part in parts)).digest())}"


def base32(raw: bytes) -> str:
    """Write bytes as ids are written: base32, lower case, without padding."""
    return b32encode(raw).rstrip(b"=").decode().lower()
