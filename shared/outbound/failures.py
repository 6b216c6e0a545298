"""Why no answer came: aiohttp's exceptions translated into one closed vocabulary.

Customers see these texts, so they never repeat an exception's own text, which may hold an internal address.
"""

import os
import socket
import ssl

import aiohttp

from shared.outbound.answer import ErrorClass
from shared.outbound.policy import AddressRefused

NOTHING_SENT = frozenset(
    {
        ErrorClass.DNS,
        ErrorClass.CONNECT,
        ErrorClass.TLS,
        ErrorClass.REFUSED_BY_POLICY,
        ErrorClass.INVALID_REQUEST,
    }
)
"""After these errors the receiver can't have the request; after all others it may have it."""

SEND_ERRORS = (aiohttp.ClientError, OSError, ValueError, AssertionError)
"""Everything that a request may raise because of a URL, a header or a receiver; anything else is a fault of ours.
(aiohttp and yarl raise ValueError, UnicodeError or AssertionError for some malformed hosts and headers.)
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
