"""An event as it travels: CloudEvents 1.0 in structured JSON, how it is read and how it is written. Pure.

Reading is strict and names what is wrong. `msgspec.Raw` keeps the bytes of `data` as they came: big integers, key
order and unicode survive.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Final

import msgspec

from signalpost.identity import event_id
from signalpost.traceparent import valid_traceparent

EVENT_CONTENT_TYPE: Final = "application/cloudevents+json"
MAX_EVENT_BYTES: Final = 1024 * 1024

JSON: Final = "application/json"
NO_DATA: Final = msgspec.Raw(b"null")
Extension = str | int | bool
"""The value of an extension attribute (CloudEvents 1.0, section 3.1, type system)."""

_MAX_NAME = 256
_MAX_EXTENSION = 1024
_MAX_EXTENSIONS = 32
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_KNOWN = frozenset(
    ("specversion", "id", "source", "type", "tenantid", "time", "data", "datacontenttype", "subject", "traceparent")
)
_EXTENSION_NAME = re.compile(r"[a-z0-9]{1,20}")
_JSON_TYPE = re.compile(r"application/json|[A-Za-z0-9][\w.-]*/[\w.-]+\+json", re.IGNORECASE)
# Section 3.1: no control characters, no half surrogate pairs, no noncharacters. Line separators end a line of a log.
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
)
_AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]
# Receivers get the text as it came, so what msgspec reads beyond RFC 3339 (`+0100`, a space for the T) is refused.
_RFC_3339 = re.compile(r"[0-9-]{10}[Tt][0-9:]{8}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")


class InvalidMessage(ValueError):
    """The message can't be read; the text names the field, what is wrong and what it should be."""


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A CloudEvents 1.0 event in structured JSON, as a producer sends it, without its extension attributes."""

    specversion: str
    id: str
    source: str
    type: str
    tenantid: str
    time: str | None = None
    data: msgspec.Raw = NO_DATA
    datacontenttype: str | None = None
    subject: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """An accepted event: the envelope's facts, checked, with `data` as the exact JSON text that came."""

    tenant_id: str
    source: str
    source_id: str
    type: str
    time: datetime
    time_text: str
    subject: str | None
    data: bytes
    traceparent: str | None
    datacontenttype: str = JSON
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    """The CloudEvents extension attributes, in the order in which they came."""

    @cached_property
    def id(self) -> str:
        """The internal id, derived from the identity (tenant, source, id)."""
        return event_id(tenant_id=self.tenant_id, source=self.source, source_id=self.source_id)


_envelopes = msgspec.json.Decoder(CloudEvent)
_attributes = msgspec.json.Decoder(dict[str, msgspec.Raw])
_extensions = msgspec.json.Decoder(Extension)
_json = msgspec.json.Encoder()


def parse_event(body: bytes, *, received_at: datetime | None = None) -> Event:
    """Read an event as a producer published it.

    Args:
        body: CloudEvents 1.0 in structured JSON.
        received_at: the time of an event that has none, which CloudEvents allows.

    Raises:
        InvalidMessage: the body is not CloudEvents 1.0 JSON with the required attributes.
    """
    if len(body) > MAX_EVENT_BYTES:
        raise InvalidMessage(f"the event has {len(body)} bytes; at most {MAX_EVENT_BYTES} are accepted")
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if not body:
        raise InvalidMessage("the body is empty: send a CloudEvents 1.0 event as a JSON object")
    try:
        body.decode()  # `data` is passed through unparsed, so only this notices invalid UTF-8
        envelope = _envelopes.decode(body)
        given = _attributes.decode(body)
    except UnicodeDecodeError as error:
        raise InvalidMessage(f"the body is not UTF-8 text: byte {error.start} is invalid") from error
    except msgspec.ValidationError as error:
        raise InvalidMessage(f"not a CloudEvents 1.0 event: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidMessage(f"the body is not JSON: {json_fault(body, error)}") from error
    extensions = {name: _extension(name, raw) for name, raw in given.items() if name not in _KNOWN}
    if len(extensions) > _MAX_EXTENSIONS:
        raise InvalidMessage(f"the event has {len(extensions)} extension attributes; at most {_MAX_EXTENSIONS}")
    return _checked(envelope, extensions, received_at)


def json_fault(text: bytes, error: Exception) -> str:
    """Say in plain words what is wrong with text that can't be read as JSON."""
    if _LONE_SURROGATE.search(text):
        return "it holds half a surrogate pair (such as \\ud800), which stands for no character"
    return str(error)


def _extension(name: str, raw: msgspec.Raw) -> Extension:
    if name == "data_base64":
        raise InvalidMessage("data_base64: binary data is not accepted; send JSON in `data`")
    if not _EXTENSION_NAME.fullmatch(name):
        raise InvalidMessage(
            f"{name[:80]}: is not a valid name of an extension attribute; use lower-case letters and digits"
        )
    try:
        value: Extension = _extensions.decode(raw)
    except msgspec.MsgspecError as error:
        raise InvalidMessage(
            f"{name}: an extension attribute is a string, an integer of 32 bits or a boolean"
        ) from error
    if isinstance(value, str):
        _check_text(name, value, at_most=_MAX_EXTENSION)
    elif not isinstance(value, bool) and not -(2**31) <= value < 2**31:
        raise InvalidMessage(f"{name}: an extension attribute is an integer of 32 bits at most; send it as a string")
    return value


def _checked(envelope: CloudEvent, extensions: Mapping[str, Extension], received_at: datetime | None) -> Event:
    if envelope.specversion != "1.0":
        raise InvalidMessage(f"specversion: expected '1.0', got {envelope.specversion[:40]!r}")
    content_type = JSON if envelope.datacontenttype is None else envelope.datacontenttype
    _check_name("datacontenttype", content_type)
    if not _JSON_TYPE.fullmatch(content_type.partition(";")[0].strip()):
        raise InvalidMessage(
            f"datacontenttype: expected 'application/json' or a type that ends in +json, got {content_type[:80]!r}"
        )
    time_text = envelope.time
    if time_text is None:
        if received_at is None:
            raise InvalidMessage("time: is required here")
        time_text = rfc3339(received_at)
    for name in ("id", "source", "type", "tenantid", "subject"):
        _check_name(name, getattr(envelope, name))
    return Event(
        tenant_id=envelope.tenantid,
        source=envelope.source,
        source_id=envelope.id,
        type=envelope.type,
        time=_parse_time(time_text),
        time_text=time_text,
        subject=envelope.subject,
        data=bytes(envelope.data),
        # An invalid trace is dropped, not refused; published as a header, a huge one would end the connection.
        traceparent=valid_traceparent(envelope.traceparent),
        datacontenttype=content_type,
        extensions=extensions,
    )


def _check_name(field_name: str, value: str | None) -> None:
    if value is None:
        return
    if not value:
        raise InvalidMessage(f"{field_name}: expected 1 to {_MAX_NAME} characters, got 0")
    _check_text(field_name, value, at_most=_MAX_NAME)


def _check_text(field_name: str, value: str, *, at_most: int) -> None:
    if len(value) > at_most:
        raise InvalidMessage(f"{field_name}: expected at most {at_most} characters, got {len(value)}")
    forbidden = _FORBIDDEN.search(value)
    if forbidden:
        raise InvalidMessage(f"{field_name}: holds U+{ord(forbidden[0]):04X}, which CloudEvents forbids in a string")


def _parse_time(text: str) -> datetime:
    expected = f"time: expected RFC 3339 with a time zone, such as 2026-11-21T10:00:00Z, got {text[:40]!r}"
    if not _RFC_3339.fullmatch(text):
        raise InvalidMessage(expected)
    try:
        return msgspec.convert(text, _AwareTime).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError) as error:
        raise InvalidMessage(expected) from error


def encode_event(event: Event) -> bytes:
    """Write an event as CloudEvents 1.0 structured JSON."""
    optional = {"subject": event.subject, "traceparent": event.traceparent}
    return _json.encode(
        {
            "specversion": "1.0",
            "id": event.source_id,
            "source": event.source,
            "type": event.type,
            "time": event.time_text,
            "tenantid": event.tenant_id,
            "datacontenttype": event.datacontenttype,
            **{name: value for name, value in optional.items() if value is not None},
            **event.extensions,
            "data": msgspec.Raw(event.data),
        }
    )


def rfc3339(time: datetime) -> str:
    """Write an aware time as RFC 3339 in UTC with milliseconds."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
