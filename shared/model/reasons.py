"""Why a delivery is dead, skipped or failed: closed vocabularies, each word with a sentence for people.

Receivers, operators, dashboards and the `dead-reason` header use these words, so never rename one or give it a
second meaning. Pure: no I/O.
"""

from enum import StrEnum


class DeliveryState(StrEnum):
    """The state of a delivery."""

    PENDING = "pending"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    DEAD = "dead"
    SKIPPED = "skipped"


UNFINISHED = (DeliveryState.PENDING, DeliveryState.RETRYING)
FINISHED = (DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.SKIPPED)


class DeadReason(StrEnum):
    """Why a delivery (or an event) ended in a dead-letter queue; `sentence` says it to a person."""

    HTTP_4XX = "http_4xx"
    GONE = "gone"
    RETRIES_EXHAUSTED = "retries_exhausted"
    URL_REFUSED = "url_refused"
    WEBHOOK_DISABLED = "webhook_disabled"
    TEST_FAILED = "test_failed"
    TRANSPORT_DISABLED = "transport_disabled"
    SMTP_REJECTED = "smtp_rejected"
    TEMPLATE_ERROR = "template_error"
    INVALID_EVENT = "invalid_event"
    UNDECODABLE = "undecodable"
    CRASH_LOOP = "crash_loop"
    INTERNAL_ERROR = "internal_error"

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return _SENTENCES[self]


_SENTENCES = {
    DeadReason.HTTP_4XX: "The receiver refused the request with a 4xx status, which is not retried.",
    DeadReason.GONE: "The receiver answered 410 Gone; the webhook was disabled.",
    DeadReason.RETRIES_EXHAUSTED: "Every attempt of the retry schedule failed.",
    DeadReason.URL_REFUSED: "The outbound policy forbids the address behind the webhook's URL.",
    DeadReason.WEBHOOK_DISABLED: "The webhook was disabled while the delivery waited.",
    DeadReason.TEST_FAILED: "The test event's single attempt failed; test events are never retried.",
    DeadReason.TRANSPORT_DISABLED: "This deployment does not send on this channel.",
    DeadReason.SMTP_REJECTED: "The mail server refused the message or the recipient for good.",
    DeadReason.TEMPLATE_ERROR: "The mail could not be rendered from the tenant's template.",
    DeadReason.INVALID_EVENT: "The message is not a valid event; the detail names the field.",
    DeadReason.UNDECODABLE: "The message could not be read as a delivery task; the detail names the part.",
    DeadReason.INTERNAL_ERROR: "Signalpost itself failed on this message; its log has the trace.",
    DeadReason.CRASH_LOOP: "The message was redelivered many times and never settled.",
}


class SkipReason(StrEnum):
    """Why a matched event was recorded without being sent; `recover` can send it later."""

    WEBHOOK_DISABLED = "webhook_disabled"
    TRANSPORT_DISABLED = "transport_disabled"
    UNCONFIRMED = "unconfirmed"


class DisabledReason(StrEnum):
    """Why a webhook was disabled (by Signalpost or its owner) or a mail subscription ended (by its recipient)."""

    GONE = "gone"
    CONSECUTIVE_FAILURES = "consecutive_failures"
    OWNER = "owner"
    UNSUBSCRIBED = "unsubscribed"


RECEIVER_FAULTS = frozenset(
    {DeadReason.HTTP_4XX, DeadReason.GONE, DeadReason.RETRIES_EXHAUSTED, DeadReason.URL_REFUSED}
)
"""The dead reasons that count towards disabling a webhook: the receiver's faults."""
