"""A receiver that notes how long each event was under way: `python -m benchmarks.clocked_receiver PORT`.

Every POST is answered with 200 at once; `data.due` of its body (ns, by the monotonic clock) says when the event was
due to be published. `GET /` answers with the milliseconds noted since the last GET, as JSON. As little as possible
happens for a request, so that the receiver does not measure itself.
"""

import asyncio
import json
import re
import sys
import time
from typing import cast

import uvloop

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_DUE = re.compile(rb'"due":(\d+)')
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"


class Receiver(asyncio.Protocol):
    """One kept-alive connection of HTTP/1.1."""

    milliseconds: list[float] = []  # noqa: RUF012 - of all connections together

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, end)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < size:
                return
            request, self._buffer = self._buffer[:size], self._buffer[size:]
            self._transport.write(self._answer(request, now))

    def _answer(self, request: bytes, now: int) -> bytes:
        if request.startswith(b"GET"):
            noted = json.dumps(self.milliseconds).encode()
            self.milliseconds.clear()
            return _ANSWER % (len(noted), noted)
        if due := _DUE.search(request):
            self.milliseconds.append((now - int(due[1])) / 1e6)
        return _ANSWER % (2, b"ok")


async def main() -> None:
    """Serve until ended."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
