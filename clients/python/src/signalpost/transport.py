"""Ends a transport at once, on every Python that is supported."""

import asyncio
import contextlib


def abort(transport: asyncio.BaseTransport) -> None:
    """Close a transport without waiting for what is still to be sent or received."""
    # Python 3.11.2 (Debian 12): a TLS transport that was closed twice has lost its protocol, and is ending anyway.
    with contextlib.suppress(AttributeError):
        transport.abort()  # type: ignore[attr-defined] # every transport with a socket has it
