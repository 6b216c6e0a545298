"""An event as it travels: CloudEvents 1.0 in structured JSON, how it is read and how it is written. Pure.

Reading is strict and names what is wrong. `msgspec.Raw` keeps the bytes of `data` as they came: big integers, key
order and unicode survive.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Final

import msgspec

from signalpost.identity import event_id
from signalpost.traceparent import valid_traceparent

EVENT_CONTENT_TYPE: Final = "application/cloudevents+json"
MAX_EVENT_BYTES: Final = 1024 * 1024

_MAX_NAME = 256
_AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]
# Receivers get the text as it came, so what msgspec reads beyond RFC 3339 (`+0100`, a space for the T) is refused.
_RFC_3339 = re.compile(r"[0-9-]{10}[Tt][0-9:]{8}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")


class InvalidMessage(ValueError):
    """The message can't be read; the text names the field, what is wrong and what it should be."""


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A CloudEvents 1.0 event in structured JSON, as a producer sends it (extension attributes are ignored)."""

    specversion: str
    id: str
    source: str
    type: str
    time: str
    tenantid: str
    data: msgspec.Raw
    datacontenttype: str
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

    @cached_property
    def id(self) -> str:
        """The internal id, derived from the identity (tenant, source, id)."""
        return event_id(tenant_id=self.tenant_id, source=self.source, source_id=self.source_id)


_envelopes = msgspec.json.Decoder(CloudEvent)
_json = msgspec.json.Encoder()


def parse_event(body: bytes) -> Event:
    """Read an event as a producer published it.

    Raises:
        InvalidMessage: the body is no CloudEvents 1.0 JSON with the required attributes.
    """
    if len(body) > MAX_EVENT_BYTES:
        raise InvalidMessage(f"the event has {len(body)} bytes; at most {MAX_EVENT_BYTES} are accepted")
    try:
        body.decode()  # `data` is passed through unread, so nobody else would notice bytes that are no text
        envelope = _envelopes.decode(body)
    except UnicodeDecodeError as error:
        raise InvalidMessage(f"the body is not UTF-8 text: byte {error.start} is invalid") from error
    except msgspec.ValidationError as error:
        raise InvalidMessage(f"not a CloudEvents 1.0 event: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidMessage(f"the body is not JSON: {error}") from error
    return _checked(envelope)


def _checked(envelope: CloudEvent) -> Event:
    if envelope.specversion != "1.0":
        raise InvalidMessage(f"specversion: expected '1.0', got {envelope.specversion[:40]!r}")
    if envelope.datacontenttype.partition(";")[0].strip().lower() != "application/json":
        raise InvalidMessage(f"datacontenttype: expected 'application/json', got {envelope.datacontenttype[:80]!r}")
    for name in ("id", "source", "type", "tenantid", "subject"):
        _check_name(name, getattr(envelope, name))
    return Event(
        tenant_id=envelope.tenantid,
        source=envelope.source,
        source_id=envelope.id,
        type=envelope.type,
        time=_parse_time(envelope.time),
        time_text=envelope.time,
        subject=envelope.subject,
        data=bytes(envelope.data),
        # A broken trace is no reason to refuse an event; but as a header, too long a one would end the connection.
        traceparent=valid_traceparent(envelope.traceparent),
    )


def _check_name(field_name: str, value: str | None) -> None:
    if value is None:
        return
    if not value or len(value) > _MAX_NAME:
        raise InvalidMessage(f"{field_name}: expected 1 to {_MAX_NAME} characters, got {len(value)}")
    if not value.isprintable():
        raise InvalidMessage(f"{field_name}: holds a control or unprintable character")


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
    return _json.encode(
        CloudEvent(
            specversion="1.0",
            id=event.source_id,
            source=event.source,
            type=event.type,
            time=event.time_text,
            tenantid=event.tenant_id,
            subject=event.subject,
            datacontenttype="application/json",
            data=msgspec.Raw(event.data),
            traceparent=event.traceparent,
        )
    )


def rfc3339(time: datetime) -> str:
    """Write an aware time as RFC 3339 in UTC with milliseconds."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
