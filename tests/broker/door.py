"""A way to the broker that can be shut: a TCP proxy that counts who has come and who is inside.

It can also lose some of the broker's answers on their way, as RabbitMQ itself may when a queue changes its leader.
And it can hold its connections still, open and silent, as a frozen broker or a network that drops all packets does.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

_Read = Callable[[asyncio.StreamReader], Awaitable[bytes]]

_FRAME: Final = struct.Struct(">BHI")  # AMQP 0-9-1, 4.2.3: type, channel, size; the payload and an end octet follow
# A method frame's payload begins with class and method.
CONFIRM: Final = struct.pack(">HH", 60, 80)
DECLARED: Final = struct.pack(">HH", 50, 11)
CHANNEL_CLOSED: Final = struct.pack(">HH", 20, 41)


class Door:
    """Passes connections on to the server of a URL while it is open, and breaks them off at once while it is shut."""

    def __init__(self, url: str) -> None:
        self._behind = urlsplit(url)
        self._server: asyncio.Server | None = None
        self.is_open = True
        self._flows = asyncio.Event()
        self._flows.set()
        self.loses: bytes | None = None
        """The method that those who enter now will never see an answer with."""
        self.knocks = 0
        self.inside = 0

    def freeze(self) -> None:
        """Hold everything still: nothing is read, nothing is passed on, nothing is closed."""
        self._flows.clear()

    def thaw(self) -> None:
        """Go on where it stood still."""
        self._flows.set()

    @property
    def url(self) -> str:
        """The same URL, through this door."""
        assert self._server is not None
        host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        credentials = self._behind.netloc.rpartition("@")[0]
        return self._behind._replace(netloc=f"{credentials}@{host}").geturl()

    async def __aenter__(self) -> "Door":
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self.thaw()
        self._server.close()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks += 1
        if not self.is_open:
            writer.transport.abort()
            return
        await self._flows.wait()
        far_reader, far_writer = await asyncio.open_connection(self._behind.hostname, self._behind.port)
        self.inside += 1
        answers = _some if self.loses is None else partial(_all_but, self.loses)
        await asyncio.gather(self._pass(reader, far_writer, _some), self._pass(far_reader, writer, answers))
        self.inside -= 1

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, read: _Read) -> None:
        try:
            while data := await read(reader):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # either side may break off
        finally:
            writer.close()


async def _some(reader: asyncio.StreamReader) -> bytes:
    return await reader.read(65_536)


async def _all_but(lost: bytes, reader: asyncio.StreamReader) -> bytes:
    """The next frame that is not lost; empty at the end."""
    while True:
        try:
            head = await reader.readexactly(_FRAME.size)
            frame = head + await reader.readexactly(_FRAME.unpack(head)[2] + 1)
        except asyncio.IncompleteReadError:
            return b""
        if not frame.startswith(lost, _FRAME.size):
            return frame
