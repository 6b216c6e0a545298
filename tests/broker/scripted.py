"""A broker in miniature that follows the protocol up to a chosen step, and then goes silent, hangs up or resets.

It speaks just enough AMQP 0-9-1 for one connection with one channel: the handshake, declarations, consuming, and
confirms. RabbitMQ can't be stopped between two frames; this one can be stopped between any two.
"""

import asyncio
import contextlib
from enum import Enum
from types import TracebackType

from pamqp import commands, frame, header
from pamqp.base import Frame
from pamqp.body import ContentBody
from pamqp.common import FieldTable
from pamqp.header import ContentHeader


class End(Enum):
    """What the broker does at its last step."""

    SILENCE = "silence"
    HANG_UP = "hang up"
    RESET = "reset"


class ScriptedBroker:
    """Answers `steps` frames, then comes to its end; None: answers as long as it is asked."""

    def __init__(self, steps: int | None, end: End) -> None:
        self._left, self._end = steps, end
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._published = 0
        self.answered = 0
        """Frames answered so far, over all connections."""

    @property
    def url(self) -> str:
        """The URL that leads here."""
        assert self._server is not None
        return f"amqp://guest:guest@127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"

    async def __aenter__(self) -> "ScriptedBroker":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._published = 0
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readexactly(len(header.ProtocolHeader().marshal()))
            if await self._stops(writer):
                return
            _send(writer, 0, commands.Connection.Start(mechanisms="PLAIN", server_properties=_CAPABILITIES))
            while True:
                channel, request = await _read(reader)
                answer = self._answer(request)
                if answer is None:
                    continue
                if await self._stops(writer):
                    return
                _send(writer, channel, answer)

    async def _stops(self, writer: asyncio.StreamWriter) -> bool:
        if self._left is None or self._left > self.answered:
            self.answered += 1
            return False
        if self._end is End.HANG_UP:
            writer.close()
        elif self._end is End.RESET:
            writer.transport.abort()
        return True

    def _answer(self, request: object) -> Frame | None:
        if isinstance(request, commands.Connection.StartOk):
            return commands.Connection.Tune(channel_max=10, frame_max=131_072, heartbeat=0)
        if isinstance(request, ContentHeader) and request.body_size == 0:
            return self._confirm()
        if isinstance(request, ContentBody):
            return self._confirm()
        for kind, answer in _ANSWERS.items():
            if isinstance(request, kind):
                return answer
        return None

    def _confirm(self) -> Frame:
        self._published += 1
        return commands.Basic.Ack(self._published)


_CAPABILITIES: FieldTable = {
    "capabilities": {"publisher_confirms": True, "basic.nack": True, "consumer_cancel_notify": True}
}
_ANSWERS: dict[type[Frame], Frame] = {
    commands.Connection.Open: commands.Connection.OpenOk(),
    commands.Connection.Close: commands.Connection.CloseOk(),
    commands.Channel.Open: commands.Channel.OpenOk(),
    commands.Channel.Close: commands.Channel.CloseOk(),
    commands.Confirm.Select: commands.Confirm.SelectOk(),
    commands.Exchange.Declare: commands.Exchange.DeclareOk(),
    commands.Queue.Declare: commands.Queue.DeclareOk("queue", 0, 0),
    commands.Queue.Bind: commands.Queue.BindOk(),
    commands.Basic.Qos: commands.Basic.QosOk(),
    commands.Basic.Consume: commands.Basic.ConsumeOk("tests"),
    commands.Basic.Cancel: commands.Basic.CancelOk("tests"),
}


async def _read(reader: asyncio.StreamReader) -> tuple[int, object]:
    head = await reader.readexactly(7)
    size = int.from_bytes(head[3:7], "big")
    _, channel, value = frame.unmarshal(head + await reader.readexactly(size + 1))
    return channel, value


def _send(writer: asyncio.StreamWriter, channel: int, answer: Frame) -> None:
    writer.write(frame.marshal(answer, channel))
