"""Lets pamqp read every frame that RabbitMQ lets through: text that is not UTF-8, times beyond any calendar.

pamqp refuses such a frame, and that ends the connection. The message comes back on the next one, and after fifty
rounds the broker gives it up together with every good message that was handed out beside it. So an unreadable value
is decoded as far as possible; the code that needs it then finds it invalid and dead-letters the message.
"""

from typing import Any

from pamqp import decode

Decoded = tuple[int, Any]
"""How many bytes were read, and the value."""


def read_any_frame() -> None:
    """Replace pamqp's decoders, for the whole process; repeating it changes nothing."""
    decode.METHODS.update({"shortstr": _short_text, "timestamp": _time, "table": _headers})
    decode.TABLE_MAPPING.update({b"T": _time, b"F": _table})


def _text(raw: bytes) -> str:
    """Return text that is encoded again in no more bytes than it came in: AMQP's short strings end at 255."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode(errors="surrogateescape").encode(errors="replace").decode()


def _short_text(value: bytes) -> Decoded:
    end = value[0] + 1
    return end, _text(value[1:end])


def _time(value: bytes) -> Decoded:
    try:
        return decode.timestamp(value)
    except (ValueError, OverflowError, OSError):
        return 8, int.from_bytes(value[:8], "big", signed=True)


def _headers(value: bytes) -> Decoded:
    try:
        return _table(value)
    except (ValueError, RecursionError):  # a type from the future, or thousands of tables within each other
        return _end(value), {}


def _table(value: bytes) -> Decoded:
    fields: dict[str, Any] = {}
    offset, end = 4, _end(value)
    while offset < end:
        consumed, name = _short_text(value[offset:end])
        offset += consumed
        consumed, fields[name] = decode.embedded_value(value[offset:end])
        offset += consumed
    return end, fields


def _end(value: bytes) -> int:
    return 4 + int.from_bytes(value[:4], "big")
