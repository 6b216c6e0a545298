"""The result of a request: the receiver's answer, or why there was none. Plain values; others classify them."""

from dataclasses import dataclass
from enum import StrEnum


class ErrorClass(StrEnum):
    """Why an attempt got no usable answer; `sentence` says it to a person. (An answer's class is `http_NNN`.)"""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> "ErrorClass":
        """Attach the sentence to the word."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    DNS = "dns", "The host name could not be resolved."
    CONNECT = "connect", "No connection could be made."
    TLS = "tls", "No secure connection could be made."
    TIMEOUT = "timeout", "The receiver did not answer completely in time."
    RESET = "reset", "The connection ended before the answer was complete."
    PROTOCOL = "protocol", "The answer was not valid HTTP."
    REFUSED_BY_POLICY = "refused_by_policy", "The outbound policy forbids the address behind the URL."
    INVALID_REQUEST = "invalid_request", "No valid HTTP request could be made of the URL and headers."


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """The receiver answered, whatever the status.

    Attributes:
        status: the HTTP status.
        retry_after: the raw `Retry-After` header.
        excerpt: the first KiB of the body, still compressed if the receiver compressed it.
        duration: seconds from the start to the end of the answer.
    """

    status: int
    retry_after: str | None
    excerpt: bytes
    duration: float


@dataclass(frozen=True, kw_only=True)
class HttpFailure:
    """No complete answer came.

    Attributes:
        error_class: why.
        detail: a text that is safe to show to the customer.
        duration: seconds from the start to the failure.
    """

    error_class: ErrorClass
    detail: str
    duration: float
