"""Whatever lies in a work queue is parked with a reason, and what comes after it is delivered."""

import json
import struct
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from shared.model.topology import EVENTS, TO_SEND
from tests.support.raw_amqp import field, long, publish_raw_frame, short, text_field
from tests.support.receiver import Receiver
from tests.support.system import System, certificate, event
from tests.support.values import a_task
from tests.support.waiting import eventually

QUEUES = [(EVENTS, "certificate.issued", "event"), (TO_SEND, "webhook", "webhook"), (TO_SEND, "email", "email")]
REASONS = {"event": "invalid_event", "webhook": "undecodable", "email": "undecodable"}
BODIES = {
    "nothing": b"",
    "not JSON": b"<event/>",
    "JSON of another type": b'["certificate.issued"]',
    "missing fields": b'{"id": "1"}',
    "wrong types": b'{"id": 1, "type": [], "timestamp": {}, "tenant": null, "subject": 5, "data": "x"}',
    "a megabyte of garbage": b"\xde\xad\xbe\xef" * 262_144,
    "a megabyte of text": b'"' + b"x" * 1_048_574 + b'"',
    "invalid UTF-8": b'{"id": "\xff\xfe"}',
    "UTF-16": '{"id": "1"}'.encode("utf-16"),
    "deep nesting": b'{"a":' * 100_000,
    "zeros": b"\x00" * 1000,
}
# What another version of ours, or another system, might leave on a queue.
FOREIGN_HEADERS: dict[str, str | int] = {
    "x-retry-count": 3,
    "delivery_id": "d-1",
    "attempt": "first",
    "not-before": "",
}


@pytest.fixture
async def goes_on(system: System, receiver: Receiver, tenant: str) -> Callable[[], Awaitable[None]]:
    """Publishes a good event and a good invitation, and waits until both have arrived."""
    await system.client(tenant).create_webhook(receiver.url("/good"))
    invitation = {"email": f"{tenant}@example.com", "accept_url": "https://app.example.com/i"}

    async def publish_and_wait() -> None:
        await system.publish(certificate(tenant))
        await system.publish(event("user.invited", invitation, tenant=tenant))
        await receiver.wait_for("/good", 2)
        await system.wait_for_states(tenant, "delivered", "delivered", "delivered")

    return publish_and_wait


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize(("exchange", "key", "kind"), QUEUES, ids=[queue[2] for queue in QUEUES])
async def test_an_unreadable_body_is_parked_with_a_reason(
    system: System, goes_on: Callable[[], Awaitable[None]], exchange: str, key: str, kind: str, body: bytes
) -> None:
    probe = uuid4().hex
    headers = a_task(channel=kind, recipient="ada@example.com").headers() | {"probe": probe}
    await system.publish_raw(body, exchange=exchange, routing_key=key, headers=headers)
    letter = await system.wait_for_dead_letter(kind, "probe", probe)
    assert letter["properties"]["headers"]["dead-reason"] == REASONS[kind]
    assert letter["properties"]["headers"]["dead-detail"]
    assert letter["payload_bytes"] == len(body)
    await goes_on()


@pytest.mark.parametrize("key", ["webhook", "email"])
@pytest.mark.parametrize("headers", [{}, FOREIGN_HEADERS], ids=["none", "another version's"])
async def test_a_task_with_strange_headers_is_parked_and_the_header_named(
    system: System, goes_on: Callable[[], Awaitable[None]], key: str, headers: dict[str, str | int]
) -> None:
    probe = uuid4().hex
    await system.publish_raw(a_task().body, exchange=TO_SEND, routing_key=key, headers=headers | {"probe": probe})
    letter = await system.wait_for_dead_letter(key, "probe", probe)
    assert letter["properties"]["headers"]["dead-reason"] == "undecodable"
    assert "header" in letter["properties"]["headers"]["dead-detail"]
    await goes_on()


ODD_FIELDS = {
    "every type there is": b"".join(
        [
            *(field(b"bool", b"t", b"\x01"), field(b"void", b"V", b""), field(b"int8", b"b", b"\xff")),
            *(
                field(b"uint8", b"B", b"\xff"),
                field(b"int16", b"s", b"\x80\x00"),
                field(b"uint16", b"u", b"\xff\xff"),
            ),
            *(field(b"int32", b"I", b"\x80" + b"\0" * 3), field(b"uint32", b"i", b"\xff" * 4)),
            *(field(b"int64", b"l", b"\x80" + b"\0" * 7), field(b"float", b"f", struct.pack(">f", 1.5))),
            *(
                field(b"double", b"d", struct.pack(">d", 2.5)),
                field(b"decimal", b"D", b"\x02\x00\x00\x00\x7b"),
            ),
            *(field(b"bytes", b"x", long(b"\x00\xff")), field(b"time", b"T", struct.pack(">Q", 1_795_000_000))),
            *(field(b"array", b"A", long(b"I\0\0\0\x01V")), field(b"table", b"F", long(text_field("a", "b")))),
        ]
    ),
    "a value that is not UTF-8": field(b"note", b"S", long(b"caf\xe9")),
    "a name that is not UTF-8": field(b"caf\xe9", b"S", long(b"x")),
    "a name that is not UTF-8, further down": field(b"table", b"F", long(field(b"\xff", b"V", b""))),
    "a time in nanoseconds": field(b"sent", b"T", struct.pack(">Q", 1_795_000_000_000_000_000)),
    "a time beyond all calendars": field(b"sent", b"T", b"\xff" * 8),
    "an empty name": field(b"", b"S", long(b"x")),
    "a name as long as can be": field(b"n" * 255, b"S", long(b"x")),
    "a header that routes copies": field(b"CC", b"A", long(b"S" + long(b"nowhere"))),
    "more than fits with ours": b"".join(field(f"h{n}".encode(), b"S", long(b"v" * 200)) for n in range(624)),
    "many that grow when written as text": b"".join(field(f"h{n}".encode(), b"V", b"") for n in range(16_000)),
    "what the broker adds to dead letters": field(b"x-death", b"A", long(b"F" + long(text_field("queue", "q"))))
    + text_field("x-first-death-queue", "q")
    + text_field("x-first-death-reason", "expired"),
}
for _ in range(2_000):
    ODD_FIELDS["tables within tables"] = field(b"t", b"F", long(ODD_FIELDS.get("tables within tables", b"")))
ODD_PROPERTIES = {
    "a time in nanoseconds": {"timestamp": struct.pack(">Q", 1_795_000_000_000_000_000)},
    "a correlation id that is not UTF-8": {"correlation-id": short(b"\xde\xad\xbe\xef")},
    "a message id that is not UTF-8": {"message-id": short(b"\xff" * 255)},
    "a type that is not UTF-8": {"type": short(b"\xff")},
    "a content type that is not UTF-8": {"content-type": short(b"\xff" * 255)},
}


@pytest.mark.parametrize("odd", ODD_FIELDS.values(), ids=ODD_FIELDS.keys())
@pytest.mark.parametrize(("exchange", "key", "kind"), QUEUES, ids=[queue[2] for queue in QUEUES])
async def test_an_unreadable_message_with_odd_headers_is_parked_and_stops_nobody(
    system: System, goes_on: Callable[[], Awaitable[None]], exchange: str, key: str, kind: str, odd: bytes
) -> None:
    await parks_and_goes_on(system, goes_on, exchange, key.encode(), kind, {"headers": long(odd)})


@pytest.mark.parametrize("odd", ODD_PROPERTIES.values(), ids=ODD_PROPERTIES.keys())
@pytest.mark.parametrize(("exchange", "key", "kind"), QUEUES, ids=[queue[2] for queue in QUEUES])
async def test_an_unreadable_message_with_odd_properties_is_parked_and_stops_nobody(
    system: System,
    goes_on: Callable[[], Awaitable[None]],
    exchange: str,
    key: str,
    kind: str,
    odd: dict[str, bytes],
) -> None:
    await parks_and_goes_on(system, goes_on, exchange, key.encode(), kind, odd)


@pytest.mark.parametrize("key", [b"\xff" * 255, b"", b"certificate.issued\xff"], ids=["not UTF-8", "empty", "longer"])
async def test_an_event_with_an_odd_routing_key_is_parked_and_stops_nobody(
    system: System, goes_on: Callable[[], Awaitable[None]], key: bytes
) -> None:
    await parks_and_goes_on(system, goes_on, EVENTS, key, "event", {})


async def parks_and_goes_on(
    system: System,
    goes_on: Callable[[], Awaitable[None]],
    exchange: str,
    key: bytes,
    kind: str,
    properties: dict[str, bytes],
) -> None:
    body = uuid4().hex
    await publish_raw_frame(
        system.environment["AMQP_URL"],
        exchange=exchange,
        routing_key=key,
        body=body.encode(),
        properties={"delivery-mode": b"\x02", **properties},
    )
    await goes_on()

    async def look() -> list[dict[str, Any]]:
        return [letter for letter in await system.dead_letters(kind) if letter["payload"] == body]

    [letter] = await eventually(look)
    assert letter["properties"]["headers"]["dead-reason"] == REASONS[kind]


@pytest.mark.parametrize("odd", ODD_FIELDS.values(), ids=ODD_FIELDS.keys())
async def test_a_good_event_with_odd_headers_is_delivered(
    system: System, receiver: Receiver, tenant: str, odd: bytes
) -> None:
    await system.client(tenant).create_webhook(receiver.url("/"))
    envelope = certificate(tenant)
    await publish_raw_frame(
        system.environment["AMQP_URL"],
        exchange=EVENTS,
        routing_key=b"certificate.issued",
        body=json.dumps(envelope).encode(),
        properties={"headers": long(odd)},
    )
    await receiver.wait_for("/")
