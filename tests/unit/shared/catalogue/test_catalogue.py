"""The event catalogue: the built-in types, what a deployment adds, patterns and direct recipients."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from shared.catalogue import MAIL_RECIPIENTS, Catalogue, CatalogueError, EventType, direct_recipients
from shared.catalogue.markdown import events_markdown
from shared.model.patterns import is_event_type, matches
from shared.model.system_events import is_internal

BUILTIN = Catalogue.builtin()
INVITATION = {"email": "ada@example.com", "accept_url": "https://app.example.com/i/1"}
EXPORT = {"export_id": "exp_1", "recipients": ["ada@example.com"], "download_url": "https://app.example.com/e/1"}
INVOICE: dict[str, Any] = {
    "type": "invoice.paid",
    "description": "An invoice was paid.",
    "schema": {
        "type": "object",
        "required": ["amount"],
        "properties": {"amount": {"type": "number", "minimum": 0}, "note": {"type": "string", "maxLength": 5}},
    },
    "example": {"amount": 12},
}


def test_the_built_in_types_are_those_of_the_design() -> None:
    assert set(BUILTIN.types) == {
        "certificate.issued",
        "signing.completed",
        "policy.violated",
        "signer.created",
        "signer.updated",
        "signer.paused",
        "signer.resumed",
        "signer.revoked",
        "proof.failed",
        "proof.rejected",
        "proof.awaiting_license",
        "user.invited",
        "billing.export.ready",
        "webhook.test",
        "webhook.disabled",
        "delivery.dead_lettered",
        "billing.export.delivery_updated",
    }


def test_the_internal_types_are_those_that_signalpost_emits() -> None:
    internal = {"webhook.test", "webhook.disabled", "delivery.dead_lettered", "billing.export.delivery_updated"}
    assert {name for name, entry in BUILTIN.types.items() if entry.internal} == internal
    assert {name for name in [*BUILTIN.types, "unknown.type"] if is_internal(name)} == internal


@pytest.mark.parametrize("entry", BUILTIN.types.values(), ids=lambda entry: entry.type)
def test_a_built_in_type_is_well_formed(entry: EventType) -> None:
    assert is_event_type(entry.type)
    assert entry.description.endswith(".")
    assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **entry.schema})
    assert set(entry.example) <= set(entry.schema["properties"]), "the example shows only documented fields"
    assert BUILTIN.validate(entry.type, {**entry.example, "added_later": {"by": "the producer"}}) is None


@pytest.mark.parametrize("entry", BUILTIN.types.values(), ids=lambda entry: entry.type)
def test_each_required_field_is_named_when_it_is_missing(entry: EventType) -> None:
    for field in entry.schema["required"]:
        data = {name: value for name, value in entry.example.items() if name != field}
        fault = BUILTIN.validate(entry.type, data)
        assert fault is not None
        assert fault.startswith(f"data.{field}: is required; send for example ")


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        ("*", True),
        ("certificate.issued", True),
        ("signer.*", True),
        ("billing.*", True),
        ("billing.export.*", True),
        ("certificate", False),
        ("certificate.revoked", False),
        ("certificate.issued.*", False),
        ("signers.*", False),
    ],
)
def test_a_pattern_has_a_match_if_any_catalogued_type_fits(pattern: str, known: bool) -> None:
    assert any(matches(pattern, name) for name in BUILTIN.types) is known


def test_every_type_with_direct_recipients_requires_the_field_that_names_them() -> None:
    for event_type, field in MAIL_RECIPIENTS.items():
        entry = BUILTIN.types[event_type]
        assert field in entry.schema["required"]
        assert direct_recipients(event_type, entry.example)


def test_direct_recipients_are_named_in_the_data() -> None:
    assert direct_recipients("user.invited", INVITATION) == ("ada@example.com",)
    assert direct_recipients("billing.export.ready", EXPORT) == ("ada@example.com",)
    assert direct_recipients("certificate.issued", {"email": "ada@example.com"}) == ()


def test_recipients_are_the_same_if_only_the_case_of_the_domain_differs() -> None:
    named = ["bob@Example.com", "ada@example.com", "bob@example.COM", "Bob@example.com"]
    assert direct_recipients("billing.export.ready", {"recipients": named}) == (
        "bob@Example.com",
        "ada@example.com",
        "Bob@example.com",
    )


def test_a_deployment_adds_its_own_types(tmp_path: Path) -> None:
    catalogue = Catalogue.load(_file(tmp_path, [INVOICE]))
    added = catalogue.get("invoice.paid")
    assert added == EventType(**INVOICE)
    assert not added.internal
    assert set(catalogue.types) == {*BUILTIN.types, "invoice.paid"}
    assert catalogue.validate("invoice.paid", {"amount": -1}) == (
        "data.amount: is less than the minimum of 0; send for example 12"
    )


def test_without_a_file_the_catalogue_is_the_built_in_one() -> None:
    assert Catalogue.load(None) == BUILTIN


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("[", ["JSON list of objects"]),
        (b"\xff\xfe", ["JSON list of objects"]),
        ({"types": []}, ["Expected `array`", "JSON list of objects"]),
        (["invoice.paid"], ["$[0]", "Expected `object`"]),
        ([INVOICE, {"type": "a.b"}], ["$[1]", "missing required field `description`"]),
        ([INVOICE | {"internal": True}], ["$[0]", "unknown field `internal`"]),
        ([INVOICE | {"schema": None}], ["$[0].schema", "Expected `object`"]),
        ([INVOICE | {"example": []}], ["$[0].example", "Expected `object`"]),
        ([INVOICE | {"description": ""}], ["$[0].description"]),
        ([INVOICE | {"type": "Invoice paid"}], ["entry 0: type: 'Invoice paid'", "such as 'invoice.paid'"]),
        ([INVOICE | {"type": "invoice.*"}], ["entry 0: type: 'invoice.*'"]),
        ([INVOICE, INVOICE], ["entry 1: type: 'invoice.paid' is defined twice", "remove one"]),
        ([INVOICE | {"type": "user.invited"}], ["entry 0: type: 'user.invited' is built in", "choose another name"]),
        ([INVOICE | {"schema": {"type": "objekt"}}], ["invoice.paid: schema.type", "draft 2020-12"]),
        ([INVOICE | {"schema": {"pattern": "("}}], ["invoice.paid: schema.pattern", "draft 2020-12"]),
        ([INVOICE | {"schema": {"$ref": "https://example.com/s"}}], ["invoice.paid: schema", "outside $ref"]),
        (
            [INVOICE | {"example": {"amount": "12"}}],
            ["invoice.paid: the example does not fit the schema: data.amount: is not of type", "correct either"],
        ),
    ],
)
def test_a_wrong_file_is_refused_with_file_entry_field_and_remedy(
    tmp_path: Path, content: object, parts: list[str]
) -> None:
    path = _file(tmp_path, content)
    with pytest.raises(CatalogueError) as refused:
        Catalogue.load(path)
    assert str(refused.value).startswith(f"EVENT_TYPES_FILE {path}: ")
    for part in parts:
        assert part in str(refused.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="No such file or directory; name a file that can be read"):
        Catalogue.load(tmp_path / "missing.json")


def test_the_page_about_events_is_current() -> None:
    page = Path(__file__).parents[4] / "docs" / "events.md"
    assert page.read_text() == events_markdown(BUILTIN), "run: python -m shared.catalogue > docs/events.md"


def _file(folder: Path, content: object) -> Path:
    path = folder / "types.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path
