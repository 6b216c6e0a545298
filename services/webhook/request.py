"""Builds the headers of one signed request. Pure: the secrets and the time come as arguments."""

from collections.abc import Mapping, Sequence

from shared.messages import Task
from shared.signing import SIGNED_HEADERS, Origin, signature_headers
from shared.telemetry.trace import child_traceparent

USER_AGENT = "Signalpost/0.1"

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
"""RFC 9110, section 7.6.1."""
RESERVED_HEADERS = (
    SIGNED_HEADERS | HOP_BY_HOP | {"host", "user-agent", "x-delivery-attempt", "traceparent", "tracestate"}
)
"""Lower-case names that custom headers can't use; names beginning with `content-` are reserved too."""


def request_headers(
    task: Task,
    *,
    attempt: int,
    timestamp: int,
    origin: Origin,
    secrets: Sequence[str],
    custom: Mapping[str, str],
) -> dict[str, str]:
    """Return all headers of one attempt.

    Args:
        task: what is sent; its body is what gets signed.
        attempt: the attempt's number.
        timestamp: Unix seconds of this attempt.
        origin: which API the webhook was made under.
        secrets: the newest first; two while they overlap.
        custom: the owner's own headers, which override none of ours.
    """
    return {
        **{name: value for name, value in custom.items() if not is_reserved(name)},
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "X-Delivery-Attempt": str(attempt),
        "traceparent": child_traceparent(task.traceparent),
        **signature_headers(
            origin=origin, secrets=secrets, message_id=task.event_id, timestamp=timestamp, body=task.body
        ),
    }


def is_reserved(name: str) -> bool:
    """Tell whether a header is ours alone."""
    lowered = name.lower()
    return lowered in RESERVED_HEADERS or lowered.startswith("content-")
