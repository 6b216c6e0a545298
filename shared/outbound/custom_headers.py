"""Which HTTP headers a webhook's owner may add to the requests. Pure.

The API refuses the others when a webhook is saved; should a document hold one anyway, the sender drops it.
"""

import re
from typing import Final

from shared.secrets.signing import SIGNED_HEADERS

HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
"""RFC 9110, section 7.6.1."""
RESERVED_HEADERS: Final = (
    SIGNED_HEADERS | HOP_BY_HOP | {"host", "expect", "user-agent", "x-delivery-attempt", "traceparent", "tracestate"}
)
"""Lower-case names that custom headers can't use; names beginning with `content-` are reserved too. `expect` is here
because the client would hold the body back until a `100 Continue`, which few receivers send (RFC 9110, 10.1.1)."""
MAX_CUSTOM_HEADERS: Final = 20
MAX_HEADER_NAME: Final = 64
MAX_HEADER_VALUE: Final = 1024

_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_HEADER_NAME}}}")
_VALUE = re.compile(rf"[\x21-\x7e](?:[\x20-\x7e\t]{{0,{MAX_HEADER_VALUE - 2}}}[\x21-\x7e])?")


def is_reserved(name: str) -> bool:
    """Tell whether only Signalpost may set this header."""
    lowered = name.lower()
    return lowered in RESERVED_HEADERS or lowered.startswith("content-")


def header_problem(name: str, value: str) -> str | None:
    """Say in one sentence why a custom header can't be used, without repeating its value; None if it can.

    Names are narrower than RFC 9110 allows: no server needs `$` or `.` in them, and databases treat both specially.
    """
    if not _NAME.fullmatch(name):
        return f"A header's name must be 1 to {MAX_HEADER_NAME} letters, digits, hyphens or underscores."
    if is_reserved(name):
        return f"The header {name} is set by Signalpost itself; choose another name."
    if not _VALUE.fullmatch(value):
        return (
            f"The value of {name} must be 1 to {MAX_HEADER_VALUE} printable ASCII characters, "
            "without line breaks and without spaces around it."
        )
    return None
