"""A mail server that is not the bottleneck: takes every mail, keeps none, and counts them.

`python -m benchmarks.smtp_sink PORT`. It speaks as much SMTP (RFC 5321) as one client after another needs to send
plain mails, and one command of its own, `XCNT`, which answers with the number of mails taken.
"""

import asyncio
import sys
from typing import cast

import uvloop

from deploy.local.ports import free_port
from deploy.local.program import connects

_END = b"\r\n.\r\n"
_ANSWERS = {
    b"EHLO": b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class Session(asyncio.Protocol):
    """One client."""

    mails = 0  # of all clients together

    def __init__(self) -> None:
        self._buffer, self._takes_mail = b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            mark = _END if self._takes_mail else b"\r\n"
            end = self._buffer.find(mark)
            if end < 0:
                return
            text, self._buffer = self._buffer[:end], self._buffer[end + len(mark) :]
            self._transport.write(self._take_mail() if self._takes_mail else self._obey(text[:4].upper()))

    def _take_mail(self) -> bytes:
        Session.mails += 1
        self._takes_mail = False
        return b"250 taken\r\n"

    def _obey(self, command: bytes) -> bytes:
        if command == b"XCNT":
            return b"250 %d\r\n" % Session.mails
        self._takes_mail = command == b"DATA"
        return _ANSWERS.get(command, b"250 ok\r\n")


class SmtpSink:
    """The sink as the benchmark sees it: started as `bench.process`, then asked how many mails it has taken."""

    def __init__(self) -> None:
        self.port = free_port()
        self.argv = (sys.executable, "-m", "benchmarks.smtp_sink", str(self.port))
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ready(self) -> bool:
        """Whether it greets."""
        return await connects(self.port, expect=b"220 sink")

    async def mails(self) -> int:
        """Return how many mails it has taken since its start."""
        if self._connection is None:
            self._connection = await asyncio.open_connection("127.0.0.1", self.port)
            await self._connection[0].readline()
        reader, writer = self._connection
        writer.write(b"XCNT\r\n")
        return int((await reader.readline()).split()[1])

    async def close(self) -> None:
        """Ask no more."""
        if self._connection is not None:
            self._connection[1].close()
            await self._connection[1].wait_closed()


async def main() -> None:
    """Serve until ended."""
    server = await asyncio.get_running_loop().create_server(Session, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
