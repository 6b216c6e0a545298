"""Publishes what no AMQP library would let through: a message whose header frame is written here byte by byte.

RabbitMQ checks the shape of a frame and hands out the bytes in it as they came, so a consumer has to live with them.
"""

import asyncio
import struct
from typing import Any
from urllib.parse import unquote, urlsplit

import pamqp.frame
from pamqp import commands, constants, header

_CHANNEL = 1
_MANDATORY = b"\x01"
# Flags of the properties, in the order in which their values stand in the frame (AMQP 0-9-1, section 4.2.6.1).
FLAGS = {
    "content-type": 0x8000,
    "headers": 0x2000,
    "delivery-mode": 0x1000,
    "correlation-id": 0x0400,
    "message-id": 0x0080,
    "timestamp": 0x0040,
    "type": 0x0020,
}


def short(value: bytes) -> bytes:
    """A short string."""
    return bytes([len(value)]) + value


def long(value: bytes) -> bytes:
    """A long string, table or array: a length and the bytes."""
    return struct.pack(">I", len(value)) + value


def field(name: bytes, kind: bytes, value: bytes) -> bytes:
    """One field of a table; `kind` is the letter of its type."""
    return short(name) + kind + value


def text_field(name: str, value: str) -> bytes:
    """A field that holds text."""
    return field(name.encode(), b"S", long(value.encode()))


async def publish_raw_frame(
    url: str, *, exchange: str, routing_key: bytes, body: bytes, properties: dict[str, bytes]
) -> None:
    """Publish one message with these encoded properties (the values of `FLAGS`) and wait for the broker's confirm."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        async with asyncio.timeout(20):
            await _open(reader, writer, parts.username or "", parts.password or "", unquote(parts.path[1:]))
            publish = struct.pack(">HHH", 60, 40, 0) + short(exchange.encode()) + short(routing_key) + _MANDATORY
            _write(writer, constants.FRAME_METHOD, publish)
            _write(writer, constants.FRAME_HEADER, _content_header(len(body), properties))
            for start in range(0, len(body), 100_000):
                _write(writer, constants.FRAME_BODY, body[start : start + 100_000])
            await _expect(reader, commands.Basic.Ack)
    finally:
        writer.close()
        await writer.wait_closed()


def _content_header(size: int, properties: dict[str, bytes]) -> bytes:
    flags = sum(FLAGS[name] for name in properties)
    values = b"".join(properties[name] for name in FLAGS if name in properties)
    return struct.pack(">HHQH", 60, 0, size, flags) + values


async def _open(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, user: str, password: str, vhost: str
) -> None:
    writer.write(header.ProtocolHeader().marshal())
    await _expect(reader, commands.Connection.Start)
    _send(writer, commands.Connection.StartOk(response=f"\0{user}\0{password}", locale="en_US"), channel=0)
    tune = await _expect(reader, commands.Connection.Tune)
    _send(writer, commands.Connection.TuneOk(tune.channel_max, tune.frame_max, 0), channel=0)
    _send(writer, commands.Connection.Open(virtual_host=vhost), channel=0)
    await _expect(reader, commands.Connection.OpenOk)
    _send(writer, commands.Channel.Open())
    await _expect(reader, commands.Channel.OpenOk)
    _send(writer, commands.Confirm.Select())
    await _expect(reader, commands.Confirm.SelectOk)


def _send(writer: asyncio.StreamWriter, method: Any, channel: int = _CHANNEL) -> None:
    writer.write(pamqp.frame.marshal(method, channel))


def _write(writer: asyncio.StreamWriter, kind: int, payload: bytes) -> None:
    writer.write(struct.pack(">BHI", kind, _CHANNEL, len(payload)) + payload + constants.FRAME_END_CHAR)


async def _expect(reader: asyncio.StreamReader, wanted: type[Any]) -> Any:
    start = await reader.readexactly(7)
    size = struct.unpack(">I", start[3:])[0]
    _, _, frame = pamqp.frame.unmarshal(start + await reader.readexactly(size + 1))
    assert isinstance(frame, wanted), frame
    return frame
