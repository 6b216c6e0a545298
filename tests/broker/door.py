"""A way to the broker that can be shut: a TCP proxy that counts who has come and who is inside."""

import asyncio
from types import TracebackType
from urllib.parse import urlsplit


class Door:
    """Passes connections on to the server of a URL while it is open, and breaks them off at once while it is shut."""

    def __init__(self, url: str) -> None:
        self._behind = urlsplit(url)
        self._server: asyncio.Server | None = None
        self.is_open = True
        self.knocks = 0
        self.inside = 0

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
        self._server.close()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks += 1
        if not self.is_open:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(self._behind.hostname, self._behind.port)
        self.inside += 1
        await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
        self.inside -= 1


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # either side may break off
    finally:
        writer.close()
