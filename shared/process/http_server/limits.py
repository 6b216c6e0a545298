"""The bounds of an HTTP server, and what it answers to a client that goes beyond one. Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Final

MAX_FIELDS: Final = 100
"""Header fields of one request; browsers send about 20."""
READ_PIECE: Final = 16 * 1024
"""Of a header and of chunks the parser gets at most this many bytes at once: bounds are looked at in between."""
TURN: Final = 64 * 1024
"""A connection that delivers this many bytes at once lets all others have their turn before it is read again."""
FREE_FRAMING: Final = 16 * 1024
"""Bytes of chunk framing that are free. Beyond, framing may not outweigh the content: it costs the most to read."""
MAX_SURPLUS: Final = 1024 * 1024
"""Bytes that are still read after an early answer or a refusal: many clients read only once they have sent all."""
LINGER: Final = 2.0
"""Seconds that a refused client has to read why."""


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    """What one server takes; times in seconds."""

    connections: int
    connections_per_client: int
    """For one IPv4 address, or one IPv6 network of 64 bits."""
    header_bytes: int
    """Request line and header fields together."""
    header_time: float
    """From the first byte of a request (for the first request: from connecting) to the end of its header."""
    body_time: float
    """From the first byte of a request to the end of its body."""
    idle_time: float
    """Between two requests."""
    answer_time: float
    """How long an answer may wait for a client that does not read it."""


class Refusal(Enum):
    """Why a connection is ended. The value is the answer's status, its `code`, and a sentence."""

    BAD_REQUEST = (400, "bad_request", "This is not a valid HTTP/1.1 request.")
    FRAMING = (400, "bad_framing", "The chunks of the body are too small for what they hold; send larger ones.")
    TOO_SLOW = (408, "request_timeout", "The request did not arrive in time.")
    URI_TOO_LONG = (414, "uri_too_long", "The request line is too long.")
    HEADER_TOO_LARGE = (431, "header_too_large", "The header has too many bytes or too many fields.")
    TOO_MANY = (503, "too_many_connections", "There are too many connections; close some, or try again later.")

    def answer(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the whole answer, a problem document; `headers` are those of every answer."""
        status, code, detail = self.value
        title = HTTPStatus(status).phrase
        problem = {"type": f"urn:signalpost:problem:{code}", "title": title, "status": status, "detail": detail}
        body = json.dumps(problem | {"code": code, "errors": []}).encode()
        lines = [f"HTTP/1.1 {status} {title}".encode()]
        lines += [name + b": " + value for name, value in headers]
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            lines.append(b"retry-after: 1")
        lines += [
            b"content-type: application/problem+json",
            b"content-length: %d" % len(body),
            b"cache-control: no-store",
            b"connection: close",
        ]
        return b"\r\n".join([*lines, b"", body])
