"""The typed constructors say what the catalogue says, so that no producer can drift away from it."""

import inspect
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.catalogue import Catalogue, EventType
from shared.catalogue.product import PRODUCT_TYPES
from shared.producer import InvalidEvent, NewEvent, events
from shared.producer.new_event import accept

CATALOGUE = Catalogue.builtin()
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

each_type = pytest.mark.parametrize("entry", PRODUCT_TYPES, ids=lambda entry: entry.type)


def test_there_is_a_constructor_for_each_type_of_the_product_and_no_other() -> None:
    assert set(events.__all__) == {_name(entry) for entry in PRODUCT_TYPES}


@each_type
def test_a_constructor_takes_the_fields_of_the_schema(entry: EventType) -> None:
    assert set(_fields(entry)) == set(entry.schema["properties"])


@each_type
def test_a_constructor_requires_what_the_schema_requires_and_what_the_subject_is_made_of(entry: EventType) -> None:
    required = {name for name, field in _fields(entry).items() if field.default is inspect.Parameter.empty}
    about = {"signer_id"} if entry.type.startswith(("signing.", "policy.")) else set()
    assert required == set(entry.schema["required"]) | about


@each_type
def test_the_catalogues_example_can_be_constructed_and_is_accepted(entry: EventType) -> None:
    event = _construct(entry, _arguments(entry))
    accepted = accept(event, source="/wipe/backend", catalogue=CATALOGUE)
    assert (accepted.type, accepted.tenant_id) == (entry.type, "org_1")
    assert set(event.data) == set(entry.example)


@each_type
def test_all_fields_together_are_accepted_and_none_gets_lost(entry: EventType) -> None:
    arguments = {name: _sample(schema) for name, schema in entry.schema["properties"].items()}
    event = _construct(entry, arguments)
    accept(event, source="/wipe/backend", catalogue=CATALOGUE)
    assert set(event.data) == set(entry.schema["properties"])


@pytest.mark.parametrize("type_", [entry.type for entry in PRODUCT_TYPES if entry.type.startswith("sign")])
def test_events_of_a_signer_have_it_as_their_subject(type_: str) -> None:
    event = getattr(events, type_.replace(".", "_"))(tenant="org_1", signer_id="signer_7")
    assert event.subject == "signers/signer_7"


def test_fields_without_a_value_are_absent() -> None:
    assert events.proof_failed(tenant="org_1", proof_id="proof_7", reason=None).data == {"proof_id": "proof_7"}


def test_times_are_written_in_utc_and_refused_without_a_zone() -> None:
    issued = datetime.fromisoformat("2026-11-21T11:00:00+01:00")
    event = events.certificate_issued(tenant="org_1", certificate_id="cert_42", issued_at=issued)
    assert event.data["issued_at"] == "2026-11-21T10:00:00.000Z"
    with pytest.raises(ValueError, match="issued_at: needs a time zone"):
        events.certificate_issued(tenant="org_1", certificate_id="cert_42", issued_at=issued.replace(tzinfo=None))
    with pytest.raises(ValueError, match="time: needs a time zone"):
        events.certificate_issued(tenant="org_1", certificate_id="cert_42", time=issued.replace(tzinfo=None))


def test_the_same_value_is_the_same_event_and_another_value_another() -> None:
    def identity(event: NewEvent) -> str:
        return accept(event, source="/wipe/backend", catalogue=CATALOGUE).id

    first, second = (events.proof_failed(tenant="org_1", proof_id="proof_7") for _ in range(2))
    assert identity(first) == identity(first) != identity(second)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (events.certificate_issued(tenant="org_1", certificate_id=""), "data.certificate_id"),
        (events.user_invited(tenant="org_1", email="a@b.example, c@d.example", accept_url="https://a.example"),
         "data.email"),
        (events.billing_export_ready(tenant="org_1", export_id="exp_5", recipients="ada@example.com",
                                     download_url="https://a.example"), "data.recipients"),
        (events.proof_failed(tenant="", proof_id="proof_7"), "tenantid"),
        (NewEvent(type="Proof Failed", tenant="org_1", data={}), "type"),
        (NewEvent(type="webhook.disabled", tenant="org_1", data={}), "type"),
        (NewEvent(type="tree.grown", tenant="org_1", data={"height": float("nan")}), "data"),
        (NewEvent(type="tree.grown", tenant="org_1", data={"at": datetime.now(UTC)}), "data"),
        (NewEvent(type="tree.grown", tenant="org_1", data={"name": "\ud800"}), "tree.grown"),
        (NewEvent(type="tree.grown", tenant="org_1", data={"rings": "o" * 1024 * 1024}), "bytes"),
    ],
)  # fmt: skip
def test_what_signalpost_would_refuse_is_refused_before_it_is_sent_and_the_field_named(
    event: NewEvent, field: str
) -> None:
    with pytest.raises(InvalidEvent, match=field):
        accept(event, source="/wipe/backend", catalogue=CATALOGUE)


def test_a_deployments_own_type_is_published_as_it_is_stated() -> None:
    event = NewEvent(type="tree.grown", tenant="org_1", data={"height": 10**30, "name": "Bäumchen"})
    accepted = accept(event, source="/forest", catalogue=CATALOGUE)
    assert accepted.data.decode() == '{"height":1000000000000000000000000000000,"name":"Bäumchen"}'


def test_an_event_keeps_its_trace_joins_the_current_one_or_begins_one() -> None:
    plain = events.proof_failed(tenant="org_1", proof_id="proof_7")
    traced = events.proof_failed(tenant="org_1", proof_id="proof_7", traceparent=TRACEPARENT)
    other = TRACEPARENT.replace("0af7", "ffff")

    def trace(event: NewEvent, current: str | None) -> str | None:
        return accept(
            event, source="/wipe/backend", catalogue=CATALOGUE, current_traceparent=lambda: current
        ).traceparent

    assert trace(traced, other) == TRACEPARENT
    assert trace(plain, other) == other
    assert trace(plain, None) not in (None, trace(plain, None))


def _name(entry: EventType) -> str:
    return entry.type.replace(".", "_")


def _fields(entry: EventType) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(getattr(events, _name(entry))).parameters.values()
    return {field.name: field for field in parameters if field.kind is inspect.Parameter.KEYWORD_ONLY}


def _construct(entry: EventType, arguments: dict[str, Any]) -> NewEvent:
    event = getattr(events, _name(entry))(tenant="org_1", **arguments)
    assert isinstance(event, NewEvent)
    return event


def _arguments(entry: EventType) -> dict[str, Any]:
    properties = entry.schema["properties"]
    return {
        name: datetime.fromisoformat(value) if properties[name].get("format") == "date-time" else value
        for name, value in entry.example.items()
    }


def _sample(schema: dict[str, Any]) -> object:
    if schema["type"] == "array":
        return [_sample(schema["items"])]
    samples = {"date-time": datetime.now(UTC), "email": "ada@example.com", "uri": "https://app.example.com/x"}
    return samples.get(schema.get("format", ""), "something")
