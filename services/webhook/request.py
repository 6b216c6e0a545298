"""Builds the headers of one signed request. Pure: the secrets and the time come as arguments."""

from collections.abc import Mapping, Sequence

from shared.model.subscription import Origin
from shared.model.task import Task
from shared.outbound.custom_headers import is_reserved
from shared.secrets.signing import signature_headers

USER_AGENT = "Signalpost/0.1"


def request_headers(
    task: Task,
    *,
    attempt: int,
    timestamp: int,
    origin: Origin,
    traceparent: str,
    secrets: Sequence[str],
    custom: Mapping[str, str],
) -> dict[str, str]:
    """Return all headers of one attempt.

    Args:
        task: its body is sent and signed.
        attempt: the attempt's number.
        timestamp: Unix seconds of this attempt.
        origin: the API that created the webhook.
        traceparent: the trace context that the receiver may continue.
        secrets: the newest first; two while they overlap.
        custom: the owner's headers, which can't override ours.
    """
    return {
        **{name: value for name, value in custom.items() if not is_reserved(name)},
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "X-Delivery-Attempt": str(attempt),
        "traceparent": traceparent,
        **signature_headers(
            origin=origin, secrets=secrets, message_id=task.event_id, timestamp=timestamp, body=task.body
        ),
    }
