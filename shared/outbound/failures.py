"""Why no answer came: aiohttp's exceptions translated into one closed vocabulary.

Texts made here are shown to customers, so they never repeat an exception's own text, which may hold an internal
address. Pure: no I/O.
"""

import os
import socket
import ssl
from enum import StrEnum

import aiohttp

from shared.outbound.policy import AddressRefused


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


NOTHING_SENT = frozenset(
    {
        ErrorClass.DNS,
        ErrorClass.CONNECT,
        ErrorClass.TLS,
        ErrorClass.REFUSED_BY_POLICY,
        ErrorClass.INVALID_REQUEST,
    }
)
"""After these the receiver cannot have taken the request; after all others it may have."""

SEND_ERRORS = (aiohttp.ClientError, OSError, ValueError, AssertionError)
"""Everything that a request may raise for what a URL, a header or a receiver did; anything else is a fault of ours.
(ValueError, with UnicodeError, and AssertionError: aiohttp's and yarl's answers to some malformed hosts and headers.)
"""


def classify(error: BaseException) -> tuple[ErrorClass, str]:
    """Return the class of a failed request, and a sentence or short technical detail that is safe to show.

    Args:
        error: one of SEND_ERRORS.
    """
    error_class, detail = _classify(error)
    return error_class, detail or error_class.sentence


def _classify(error: BaseException) -> tuple[ErrorClass, str | None]:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    match cause:
        case AddressRefused():
            return ErrorClass.REFUSED_BY_POLICY, None
        case socket.gaierror():
            return ErrorClass.DNS, cause.strerror
        case ssl.SSLCertVerificationError():
            return ErrorClass.TLS, cause.verify_message
        case ssl.SSLError():
            return ErrorClass.TLS, cause.reason
        case TimeoutError():
            return ErrorClass.TIMEOUT, None
    match error:
        case aiohttp.ClientConnectorDNSError():
            return ErrorClass.DNS, None
        case aiohttp.ClientConnectorError():
            return ErrorClass.CONNECT, os.strerror(error.os_error.errno) if error.os_error.errno else None
        case aiohttp.ClientResponseError():
            return ErrorClass.PROTOCOL, None
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError() | OSError():
            return ErrorClass.RESET, None
    return ErrorClass.INVALID_REQUEST, None
