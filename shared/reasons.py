"""Why a delivery is dead, skipped or failed: the closed vocabularies, each word with a sentence for people.

Receivers, operators, dashboards and the `dead-reason` header all use these words, so a word is never
renamed or given a second meaning. Pure: no I/O.
"""

from enum import StrEnum


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    DEAD = "dead"
    SKIPPED = "skipped"


UNFINISHED = (DeliveryState.PENDING, DeliveryState.RETRYING)


class DeadReason(StrEnum):
    """Why a delivery (or an event) ended in a dead-letter queue; `sentence` says it to a person."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> "DeadReason":
        """Attach the sentence to the word."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    HTTP_4XX = "http_4xx", "The receiver refused the request with a 4xx status, which is not retried."
    GONE = "gone", "The receiver answered 410 Gone; the webhook was disabled."
    RETRIES_EXHAUSTED = "retries_exhausted", "Every attempt of the retry schedule failed."
    URL_REFUSED = "url_refused", "The outbound policy forbids the address behind the webhook's URL."
    WEBHOOK_DISABLED = "webhook_disabled", "The webhook was disabled while the delivery waited."
    TEST_FAILED = "test_failed", "The test event's single attempt failed; test events are never retried."
    TRANSPORT_DISABLED = "transport_disabled", "This deployment does not send on this channel."
    SMTP_REJECTED = "smtp_rejected", "The mail server refused the message or the recipient for good."
    TEMPLATE_ERROR = "template_error", "The mail could not be rendered from the tenant's template."
    INVALID_EVENT = "invalid_event", "The message is not a valid event; the detail names the field."
    UNDECODABLE = "undecodable", "The message could not be read as a delivery task; the detail names the part."
    CRASH_LOOP = "crash_loop", "The message was taken many times without ever being settled."


class SkipReason(StrEnum):
    """Why a matched event was recorded without being sent; `recover` can send it later."""

    WEBHOOK_DISABLED = "webhook_disabled"
    TRANSPORT_DISABLED = "transport_disabled"
    UNCONFIRMED = "unconfirmed"


class DisabledReason(StrEnum):
    """Why Signalpost, or its owner, disabled a webhook."""

    GONE = "gone"
    CONSECUTIVE_FAILURES = "consecutive_failures"
    OWNER = "owner"


RECEIVER_FAULTS = frozenset(
    {DeadReason.HTTP_4XX, DeadReason.GONE, DeadReason.RETRIES_EXHAUSTED, DeadReason.URL_REFUSED}
)
"""The dead reasons that count towards disabling a webhook: those that are the receiver's doing."""
