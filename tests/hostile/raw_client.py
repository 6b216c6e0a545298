"""A client that sends any bytes, and tells what it was answered and that the server ended the connection."""

import asyncio
import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

ENDED_WITHIN = 15.0
"""Seconds; the limits of these tests are 1 to 2 s, and the machine may be busy."""
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What came back until the server ended the connection."""

    received: bytes

    @property
    def statuses(self) -> list[int]:
        """The status of each answer."""
        return [int(status) for status in _STATUS.findall(self.received)]


async def until_ended(port: int, pieces: Iterable[bytes], *, pause: float = 0.0, host: str = "127.0.0.1") -> Ended:
    """Connect from `host`, send, and read until the server ends the connection; a reset is an end too.

    Raises:
        TimeoutError: it did not.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    sending = asyncio.create_task(_send(writer, pieces, pause))
    received = b""
    try:
        async with asyncio.timeout(ENDED_WITHIN):
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(65536):
                    received += data
    finally:
        sending.cancel()
        writer.transport.abort()
        await asyncio.gather(sending, return_exceptions=True)
    return Ended(received=received)


async def _send(writer: asyncio.StreamWriter, pieces: Iterable[bytes], pause: float) -> None:
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
