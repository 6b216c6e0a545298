"""Events, tasks and dead letters are read strictly, with sentences that name the field, and written unchanged."""

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.event import (
    MAX_EVENT_BYTES,
    InvalidMessage,
    encode_event,
    parse_event,
    parse_webhook_body,
    rfc3339,
    webhook_body,
)
from shared.model.reasons import DeadReason
from shared.model.task import DeadLetterInfo, parse_task
from tests.support.values import NOON, TRACEPARENT, a_task, an_event

ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "/tests",
    "type": "certificate.issued",
    "time": "2026-11-21T12:00:00Z",
    "tenantid": "org_1",
    "datacontenttype": "application/json",
    "data": {},
}
OPTIONAL = ("time", "datacontenttype", "data")  # as CloudEvents 1.0 has it; a time is needed where none is known
REQUIRED = [name for name in ENVELOPE if name not in OPTIONAL]
JSON_TEXTS = [
    b"123456789012345678901234567890",
    b"1.10",
    b"1e400",
    b'{"z":1,"a":2,"m":3}',
    b'{"a":1,"a":2}',
    '"ünï©ødé 💥"'.encode(),
    b'"\\u00fc \\/ \\ud83d\\udca5"',
    b'{"spaced" : [ 1 , 2 ] }',
    b"null",
]


def wire(data: bytes = b"{}", **changes: Any) -> bytes:
    """An event as a producer writes it, with `data` to the byte."""
    attributes = {name: value for name, value in (ENVELOPE | changes).items() if name != "data"}
    return json.dumps(attributes).encode()[:-1] + b', "data": ' + data + b"}"


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in ENVELOPE.items() if key != name}).encode()


@pytest.mark.parametrize("name", REQUIRED)
def test_an_event_without_a_required_attribute_is_refused_and_the_attribute_named(name: str) -> None:
    with pytest.raises(InvalidMessage, match=name):
        parse_event(without(name))


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, 1, True, [], {}, ""], ids=repr)
def test_an_attribute_of_the_wrong_type_is_refused_and_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidMessage, match=name):
        parse_event(wire(**{name: value}))


@pytest.mark.parametrize("name", ["id", "source", "type", "tenantid", "subject"])
@pytest.mark.parametrize(
    "value", ["", "x" * 257, "a\x00b", "a\nb", "a\u2028b", "\x7f", "a\x1b[2Jb", "a\ufdd0b"], ids=repr
)
def test_a_name_that_would_spoil_a_log_or_a_header_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidMessage, match=name):
        parse_event(wire(**{name: value}))


@pytest.mark.parametrize(
    "value", ["Picture at 10.00.00\u202fAM.png", "\u0645\u06cc\u200c\u062e", "Crème \u00a0 brûlée", "👩\u200d💻"]
)
def test_a_name_may_hold_the_spaces_and_joiners_of_every_script(value: str) -> None:
    event = parse_event(wire(subject=value))
    assert event.subject == value
    assert parse_event(encode_event(event)).subject == value


RECEIVED = datetime(2026, 11, 21, 10, tzinfo=UTC)


def test_attributes_that_cloudevents_calls_optional_may_be_missing() -> None:
    least = {name: ENVELOPE[name] for name in ("specversion", "id", "source", "type", "tenantid")}
    event = parse_event(json.dumps(least).encode(), received_at=RECEIVED)
    assert (event.time, event.time_text) == (RECEIVED, "2026-11-21T10:00:00.000Z")
    assert (event.datacontenttype, event.data, event.subject) == ("application/json", b"null", None)
    assert json.loads(webhook_body(event))["data"] is None
    assert parse_event(b"\xef\xbb\xbf" + json.dumps(ENVELOPE).encode()).type == "certificate.issued"


def test_extension_attributes_are_kept_and_handed_on() -> None:
    event = parse_event(wire(sequence="17", partition=3, replayed=True))
    assert event.extensions == {"sequence": "17", "partition": 3, "replayed": True}
    assert parse_event(encode_event(event)) == event
    body = json.loads(webhook_body(event))
    assert body["extensions"] == event.extensions
    assert list(body).index("extensions") < list(body).index("data")
    assert "extensions" not in json.loads(webhook_body(parse_event(wire())))


@pytest.mark.parametrize(
    "extension",
    [{"MyExt": "x"}, {"my_ext": "x"}, {"ext": {}}, {"ext": [1]}, {"ext": 1.5}, {"ext": 2**31}, {"ext": "a\x07"}],
    ids=repr,
)
def test_an_extension_that_breaks_the_standard_is_refused_and_named(extension: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage, match=next(iter(extension))):
        parse_event(wire(**extension))


def test_extensions_are_bounded_in_number() -> None:
    with pytest.raises(InvalidMessage, match="extension attributes"):
        parse_event(wire(b"{}", **{f"ext{number}": "x" for number in range(33)}))


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"", "empty"), (wire(data=b'"\\ud800"', subject="x")[:-1], "surrogate"), (wire(data_base64="AA=="), "binary")],
)
def test_a_refusal_says_in_plain_words_what_is_wrong(body: bytes, says: str) -> None:
    with pytest.raises(InvalidMessage, match=says):
        parse_event(body)


@pytest.mark.parametrize("version", ["0.3", "1.1", "2.0", "1"])
def test_another_version_of_cloudevents_is_refused(version: str) -> None:
    with pytest.raises(InvalidMessage, match="specversion"):
        parse_event(wire(specversion=version))


@pytest.mark.parametrize("content_type", ["text/xml", "application/octet-stream", "json", "application/jsonp"])
def test_data_that_is_not_json_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidMessage, match="datacontenttype"):
        parse_event(wire(datacontenttype=content_type))


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", "application/vnd.acme+json"]
)
def test_json_by_another_spelling_is_accepted(content_type: str) -> None:
    assert parse_event(wire(datacontenttype=content_type)).type == "certificate.issued"


@pytest.mark.parametrize(
    "time",
    [
        *("2026-11-21T12:00:00", "2026-11-21", "yesterday", "1763726400", "2026-13-21T12:00:00Z"),
        *(
            "2026-11-21 12:00:00Z",
            "2026-11-21T12:00:00+0100",
            "2026-11-21T12:00:00+01",
            "20261121T120000Z",
            "2026-11-21T12:00Z",
        ),
        *("2026-02-30T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_a_time_that_is_not_rfc_3339_is_refused(time: str) -> None:
    with pytest.raises(InvalidMessage, match="time"):
        parse_event(wire(time=time))


@pytest.mark.parametrize("time", ["2026-11-21T13:00:00+01:00", "2026-11-21T12:00:00.000Z", "2026-11-21t12:00:00z"])
def test_the_same_moment_may_be_written_in_every_way_of_rfc_3339(time: str) -> None:
    event = parse_event(wire(time=time))
    assert event.time == NOON
    assert event.time_text == time


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"not json", b"null", b"[]", b'"event"', b"{", b"\x00" * 100, b"\xff\xfe", b"\xef\xbb\xbf{}"),
        *(b"[" * 100_000, b'{"a":' * 50_000, wire(b"[" * 50_000), wire() + b"x", b"{}" * 2),
        *(wire(b'{"a":"\\q"}'), wire(b"01"), wire(b"NaN"), wire(b"[1,]"), wire(b'"\\ud800"'), wire(b'["\xff"]')),
    ],
    ids=lambda body: repr(body[-20:]),
)
def test_what_is_no_json_event_is_refused_as_such_and_nothing_else_happens(body: bytes) -> None:
    with pytest.raises(InvalidMessage):
        parse_event(body)


def test_an_event_is_read_up_to_its_size_limit_and_refused_above() -> None:
    padding = MAX_EVENT_BYTES - len(wire(b'""'))
    assert len(parse_event(wire(b'"' + b"x" * padding + b'"')).data) == padding + 2
    with pytest.raises(InvalidMessage, match=str(MAX_EVENT_BYTES)):
        parse_event(wire(b'"' + b"x" * (padding + 1) + b'"'))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_crash(body: bytes) -> None:
    with contextlib.suppress(InvalidMessage):
        parse_event(body)


@pytest.mark.parametrize("data", JSON_TEXTS)
def test_data_reaches_the_receiver_byte_for_byte(data: bytes) -> None:
    event = parse_event(wire(data))
    assert bytes(parse_webhook_body(webhook_body(event)).data) == data
    assert parse_event(encode_event(event)) == event


def test_the_webhook_body_has_the_documented_shape_in_the_documented_order() -> None:
    event = an_event(subject="certificates/cert_42")
    assert webhook_body(event) == (
        b'{"id":"' + event.id.encode() + b'","type":"certificate.issued","timestamp":"2026-11-21T12:00:00Z",'
        b'"tenant":"org_1","subject":"certificates/cert_42","data":{"certificate_id":"cert_42"}}'
    )


def test_the_identity_is_tenant_source_and_id_and_nothing_else() -> None:
    event = an_event()
    assert event.id == an_event(type="other", data=b"1", time_text="2000-01-01T00:00:00Z", subject="x").id
    assert len({event.id, an_event(tenant_id="o").id, an_event(source="/o").id, an_event(source_id="o").id}) == 4


def test_parts_of_an_identity_cannot_run_into_each_other() -> None:
    assert an_event(source="/a", source_id="b/c").id != an_event(source="/a/b", source_id="c").id
    assert an_event(tenant_id="a", source="b").id != an_event(tenant_id="ab", source="").id


@pytest.mark.parametrize(
    "task",
    [
        a_task(),
        a_task(attempt=7, republished_by="reconciler"),
        a_task(channel="email", subscription_id="", recipient="ada@example.com"),
    ],
    ids=["webhook", "again", "email"],
)
def test_a_task_survives_its_way_over_the_wire(task: Any) -> None:
    assert parse_task(task.channel, task.headers(), task.body) == task


def test_a_task_carries_the_headers_that_the_design_names() -> None:
    names = {"delivery-id", "event-id", "event-type", "tenant-id", "subscription-id", "attempt", "not-before"}
    assert set(a_task().headers()) == names | {"traceparent"}


@pytest.mark.parametrize(
    "name", ["delivery-id", "event-id", "event-type", "tenant-id", "subscription-id", "attempt", "not-before"]
)
@pytest.mark.parametrize("value", [None, "", [], {}, 1.5, NOON, True], ids=repr)
def test_a_task_with_a_header_missing_or_of_an_odd_type_is_refused_and_the_header_named(
    name: str, value: object
) -> None:
    with pytest.raises(InvalidMessage, match=name):
        parse_task("webhook", a_task().headers() | {name: value}, a_task().body)


@pytest.mark.parametrize("attempt", [0, -1])
def test_attempts_count_from_one(attempt: int) -> None:
    with pytest.raises(InvalidMessage, match="attempt"):
        parse_task("webhook", a_task().headers() | {"attempt": attempt}, a_task().body)


def test_a_mail_without_recipient_is_refused() -> None:
    with pytest.raises(InvalidMessage, match="recipient"):
        parse_task("email", a_task().headers(), a_task().body)


def test_headers_that_a_newer_version_adds_are_ignored() -> None:
    newer: dict[str, object] = {"colour": "blue", "x-death": [{}], "depth": 3.5}
    assert parse_task("webhook", newer | a_task().headers(), a_task().body) == a_task()


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"x", b"[" * 100_000, b"\xff", b'{"id":"\xff"}', b'{"id":"evt_1"}'],
    ids=lambda b: repr(b[:9]),
)
def test_a_task_whose_body_nobody_could_have_written_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidMessage, match="body"):
        parse_task("webhook", a_task().headers(), body)


def test_a_dead_letter_carries_all_that_triage_needs() -> None:
    letter = DeadLetterInfo(
        reason=DeadReason.HTTP_4XX,
        detail="The receiver answered 404.",
        status=404,
        attempts=1,
        first_attempt_at=NOON,
        last_attempt_at=NOON + timedelta(seconds=1),
        target="https://hooks.example.com/in",
    )
    assert letter.headers() == {
        "dead-reason": "http_4xx",
        "dead-detail": "The receiver answered 404.",
        "dead-status": 404,
        "dead-attempts": 1,
        "dead-first-attempt-at": "2026-11-21T12:00:00.000Z",
        "dead-last-attempt-at": "2026-11-21T12:00:01.000Z",
        "dead-target": "https://hooks.example.com/in",
    }


@pytest.mark.parametrize("reason", DeadReason)
def test_every_dead_reason_has_a_sentence_for_people(reason: DeadReason) -> None:
    assert reason.sentence.endswith(".")


def test_a_letter_about_a_megabyte_of_garbage_stays_small() -> None:
    letter = DeadLetterInfo(reason=DeadReason.UNDECODABLE, detail="x" * 1_000_000)
    assert len(msgspec.json.encode(letter.headers())) < 5000


def test_times_are_written_in_utc() -> None:
    assert rfc3339(NOON.astimezone(timezone(timedelta(hours=9)))) == "2026-11-21T12:00:00.000Z"


def test_the_trace_context_travels_with_the_event() -> None:
    assert parse_event(wire(traceparent=TRACEPARENT)).traceparent == TRACEPARENT


@pytest.mark.parametrize("broken", ["", "00-1-2-01", TRACEPARENT + "x", "x" * 200_000])
def test_a_broken_trace_context_is_left_out(broken: str) -> None:
    assert parse_event(wire(traceparent=broken)).traceparent is None
