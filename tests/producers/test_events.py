"""A type of event is defined once: its class constructs what its schema accepts, and refuses the rest."""

import inspect
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, get_type_hints

import pytest

from shared.catalogue import Catalogue
from signalpost import events
from signalpost.events import PRODUCT_EVENTS, TypedEvent
from signalpost.events.fields import count, ident
from signalpost.events.system import SYSTEM_EVENTS
from signalpost.producer import InvalidEvent, NewEvent, Unpublished
from signalpost.producer.new_event import accept

CATALOGUE = Catalogue.builtin()
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

each_type = pytest.mark.parametrize("event_class", PRODUCT_EVENTS, ids=lambda event_class: event_class.type)


def test_every_type_of_the_products_is_exported() -> None:
    assert {*events.__all__} == {
        *(event_class.__name__ for event_class in PRODUCT_EVENTS),
        "PRODUCT_EVENTS",
        "TypedEvent",
    }


@pytest.mark.parametrize("event_class", [*PRODUCT_EVENTS, *SYSTEM_EVENTS], ids=lambda event_class: event_class.type)
def test_the_servers_catalogue_has_its_entries_from_the_classes(event_class: type[TypedEvent]) -> None:
    assert CATALOGUE.get(event_class.type) == event_class.describe()


@each_type
def test_a_constructor_requires_what_the_schema_requires_and_what_the_subject_is_made_of(
    event_class: type[TypedEvent],
) -> None:
    parameters = inspect.signature(event_class).parameters.values()
    required = {parameter.name for parameter in parameters if parameter.default is inspect.Parameter.empty}
    about = {"signer_id"} if event_class.type.startswith(("signing.", "policy.")) else set()
    assert required == {"tenant", *event_class.describe().schema["required"], *about}


@each_type
def test_the_catalogues_example_can_be_constructed_and_is_accepted(event_class: type[TypedEvent]) -> None:
    event = _construct(event_class, _arguments(event_class))
    accepted = accept(event, source="/wipe/backend", catalogue=CATALOGUE)
    assert (accepted.type, accepted.tenant_id) == (event_class.type, "org_1")
    assert set(event.data) == set(event_class.EXAMPLE)


@each_type
def test_all_fields_together_are_accepted_and_none_gets_lost(event_class: type[TypedEvent]) -> None:
    properties = event_class.describe().schema["properties"]
    event = _construct(event_class, {name: _sample(schema) for name, schema in properties.items()})
    accept(event, source="/wipe/backend", catalogue=CATALOGUE)
    assert set(event.data) == set(properties)


@pytest.mark.parametrize("event_class", [*SYSTEM_EVENTS, *PRODUCT_EVENTS], ids=lambda event_class: event_class.type)
def test_each_field_has_the_python_type_of_its_schema(event_class: type[TypedEvent]) -> None:
    hints = get_type_hints(event_class)
    for name, schema in event_class.describe().schema["properties"].items():
        assert hints[name] in {kind := _python_type(schema), kind | None}, name


@pytest.mark.parametrize(
    "event_class", [entry for entry in PRODUCT_EVENTS if entry.type.startswith("sign")], ids=lambda entry: entry.type
)
def test_events_of_a_signer_have_it_as_their_subject(event_class: type[TypedEvent]) -> None:
    assert _construct(event_class, {"signer_id": "signer_7"}).subject == "signers/signer_7"


def test_an_application_defines_a_type_of_its_own_in_the_same_way() -> None:
    class TreeGrown(TypedEvent, type="tree.grown", subject="trees/{tree}"):
        """A tree grew.

        Nobody saw it.
        """

        tree: Annotated[str, ident("The tree.")]
        height: Annotated[int | None, count("In metres.")] = None

        EXAMPLE: ClassVar = {"tree": "oak_1"}

    catalogue = Catalogue.of([TreeGrown.describe()])
    accepted = accept(TreeGrown(tenant="org_1", tree="oak_1", height=3), source="/forest", catalogue=catalogue)
    assert (accepted.subject, accepted.data) == ("trees/oak_1", b'{"tree":"oak_1","height":3}')
    assert TreeGrown.describe().description == "A tree grew."
    assert TreeGrown.describe().schema["required"] == ["tree"]
    with pytest.raises(InvalidEvent, match=r"data\.height"):
        accept(TreeGrown(tenant="org_1", tree="oak_1", height=-3), source="/forest", catalogue=catalogue)


def test_fields_without_a_value_are_absent() -> None:
    assert events.ProofFailed(tenant="org_1", proof_id="proof_7", reason=None).data == {"proof_id": "proof_7"}


def test_times_are_written_in_utc_and_refused_without_a_zone() -> None:
    issued = datetime.fromisoformat("2026-11-21T11:00:00+01:00")
    event = events.CertificateIssued(tenant="org_1", certificate_id="cert_42", issued_at=issued)
    assert event.data["issued_at"] == "2026-11-21T10:00:00.000Z"
    with pytest.raises(ValueError, match="issued_at: needs a time zone"):
        events.CertificateIssued(tenant="org_1", certificate_id="cert_42", issued_at=issued.replace(tzinfo=None))
    with pytest.raises(ValueError, match="time: needs a time zone"):
        events.CertificateIssued(tenant="org_1", certificate_id="cert_42", time=issued.replace(tzinfo=None))


def test_the_same_value_is_the_same_event_and_another_value_another() -> None:
    def identity(event: Unpublished) -> str:
        return accept(event, source="/wipe/backend", catalogue=CATALOGUE).id

    first, second = (events.ProofFailed(tenant="org_1", proof_id="proof_7") for _ in range(2))
    assert identity(first) == identity(first) != identity(second)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (events.CertificateIssued(tenant="org_1", certificate_id=""), "data.certificate_id"),
        (events.UserInvited(tenant="org_1", email="a@b.example, c@d.example", accept_url="https://a.example"),
         "data.email"),
        (events.BillingExportReady(tenant="org_1", export_id="exp_5", recipients="ada@example.com",
                                     download_url="https://a.example"), "data.recipients"),
        (events.ProofFailed(tenant="", proof_id="proof_7"), "tenantid"),
        (NewEvent(type="Proof Failed", tenant="org_1", data={}), "type"),
        (NewEvent(type="webhook.disabled", tenant="org_1", data={}), "type"),
        (NewEvent(type="tree.grown", tenant="org_1", data={"height": float("nan")}), "data"),
        (NewEvent(type="tree.grown", tenant="org_1", data={"at": datetime.now(UTC)}), "data"),
        (NewEvent(type="tree.grown", tenant="org_1", data={"name": "\ud800"}), "tree.grown"),
        (NewEvent(type="tree.grown", tenant="org_1", data={"rings": "o" * 1024 * 1024}), "bytes"),
    ],
)  # fmt: skip
def test_what_signalpost_would_refuse_is_refused_before_it_is_sent_and_the_field_named(
    event: Unpublished, field: str
) -> None:
    with pytest.raises(InvalidEvent, match=field):
        accept(event, source="/wipe/backend", catalogue=CATALOGUE)


def test_a_deployments_own_type_is_published_as_it_is_stated() -> None:
    event = NewEvent(type="tree.grown", tenant="org_1", data={"height": 10**30, "name": "Bäumchen"})
    accepted = accept(event, source="/forest", catalogue=CATALOGUE)
    assert accepted.data.decode() == '{"height":1000000000000000000000000000000,"name":"Bäumchen"}'


def test_an_event_keeps_its_trace_joins_the_current_one_or_begins_one() -> None:
    plain = events.ProofFailed(tenant="org_1", proof_id="proof_7")
    traced = events.ProofFailed(tenant="org_1", proof_id="proof_7", traceparent=TRACEPARENT)
    other = TRACEPARENT.replace("0af7", "ffff")

    def trace(event: Unpublished, current: str | None) -> str | None:
        return accept(
            event, source="/wipe/backend", catalogue=CATALOGUE, current_traceparent=lambda: current
        ).traceparent

    assert trace(traced, other) == TRACEPARENT
    assert trace(plain, other) == other
    assert trace(plain, None) not in (None, trace(plain, None))


def _construct(event_class: type[TypedEvent], arguments: dict[str, Any]) -> TypedEvent:
    return event_class(tenant="org_1", **arguments)


def _arguments(event_class: type[TypedEvent]) -> dict[str, Any]:
    entry = event_class.describe()
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


def _python_type(schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return Literal["webhook", "email"] if schema["enum"] == ["webhook", "email"] else str
    if schema.get("format") == "date-time":
        return datetime
    return {"string": str, "integer": int, "array": Sequence[str]}[schema["type"]]
