"""The TCP or TLS transport of an AMQP connection, kept within reach so that it can be aborted at any moment.

The client library holds its transport in a task that may itself be waiting: only the socket's end reaches it then.
"""

import asyncio
from typing import Any

from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from yarl import URL

from signalpost.transport import abort


class AbortableTransport(TransportFactory):
    """Opens one transport, which `abort` ends, even while it is still being opened."""

    def __init__(self, url: str) -> None:
        self._url = URL(url)
        self._opener = TLSTransportFactory() if self._url.scheme == "amqps" else TCPTransportFactory()
        self._transport: asyncio.WriteTransport | None = None
        self._aborted = False

    def url_with(self, **query: int) -> URL:
        """Return the broker's URL with parameters of the client library."""
        return self._url.update_query(query)

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open the transport, as the client library asks for it."""
        reader, writer = await self._opener.create(url, **kwargs)
        transport = writer.transport
        if self._aborted:
            abort(transport)
            raise ConnectionAbortedError("the connection is no longer wanted")
        self._transport = transport
        return reader, writer

    def abort(self) -> None:
        """End it at once: what is not sent is thrown away, and nothing more is read."""
        self._aborted = True
        if self._transport is not None:
            abort(self._transport)
