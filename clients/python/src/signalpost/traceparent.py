"""W3C trace context: the producer's if it is valid, else a new one."""

import re
import secrets

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def valid_traceparent(candidate: object) -> str | None:
    """Return the candidate if it is a valid `traceparent` (W3C Trace Context, section 3.2), else None."""
    return candidate if isinstance(candidate, str) and _TRACEPARENT.fullmatch(candidate) else None


def traceparent_of(*, trace_id: int, span_id: int, flags: int) -> str:
    """Write a `traceparent` from the numbers of a span's context (W3C Trace Context, section 3.2)."""
    return f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}"


def traceparent_or_new(candidate: object) -> str:
    """Return the candidate if it is a valid `traceparent`, else a fresh one."""
    return valid_traceparent(candidate) or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def child_traceparent(parent: str) -> str:
    """Return a context of the same trace with a fresh parent id, for one outgoing request."""
    trace_id = parent[3:35] if _TRACEPARENT.fullmatch(parent) else secrets.token_hex(16)
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"
