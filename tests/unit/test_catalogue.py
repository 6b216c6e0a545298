"""The event catalogue: the built-in types, what a deployment adds, and how data is checked."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue import MAIL_RECIPIENTS, Catalogue, CatalogueError, EventType, direct_recipients, is_internal
from shared.catalogue.markdown import events_markdown
from shared.patterns import is_event_type

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

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


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
    ("event_type", "data", "fault"),
    [
        (
            "certificate.issued",
            {"certificate_id": 42},
            'data.certificate_id: is not of type "string"; send for example "cert_42"',
        ),
        ("certificate.issued", ["cert_42"], 'data: is not of type "object"'),
        ("certificate.issued", None, 'data: is not of type "object"'),
        (
            "billing.export.ready",
            EXPORT | {"recipients": []},
            'data.recipients: has less than 1 item; send for example ["accounts@example.com", "ada@example.com"]',
        ),
        (
            "billing.export.delivery_updated",
            {"export_id": "e", "delivery_id": "d", "recipient": "a@example.com", "state": "lost", "attempts": 1},
            (
                'data.state: is none of "pending", "retrying", "delivered", "dead", "skipped"; '
                'send for example "delivered"'
            ),
        ),
    ],
)
def test_a_fault_is_one_sentence_that_names_the_field_and_the_remedy(
    event_type: str, data: object, fault: str
) -> None:
    assert BUILTIN.validate(event_type, data) == fault


def test_the_designs_example_is_valid() -> None:
    assert BUILTIN.validate("certificate.issued", {"certificate_id": "cert_42"}) is None


def test_data_of_an_uncatalogued_type_is_not_judged() -> None:
    assert BUILTIN.get("unknown.type") is None
    assert BUILTIN.validate("unknown.type", "anything") is None


@pytest.mark.parametrize(
    "address",
    ["ada@example.com", "Ada.Lovelace+a@Sub.Example.co.uk", "o'hara@example.com", "ädä@exämple.com", "a@localhost"],
)
def test_one_bare_mail_address_is_accepted(address: str) -> None:
    assert BUILTIN.validate("user.invited", INVITATION | {"email": address}) is None
    assert BUILTIN.validate("billing.export.ready", EXPORT | {"recipients": [address]}) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\n",
        "\nada@example.com",
        "ada\r@example.com",
        "ada@example.com\x00",
        "ada@example.com\x85",
        "ada@example.com\u2028",
        "ada@example.com,eve@example.com",
        "ada@example.com eve@example.com",
        "Ada <ada@example.com>",
        "ada@@example.com",
        "a@b@example.com",
        '"ada"@example.com',
        f"{'a' * 65}@example.com",
        f"ada@{'e' * 260}",
        None,
    ],
)
def test_what_is_no_bare_mail_address_is_refused_wherever_mail_goes(address: object) -> None:
    invitation = BUILTIN.validate("user.invited", INVITATION | {"email": address})
    export = BUILTIN.validate("billing.export.ready", EXPORT | {"recipients": ["bob@example.com", address]})
    assert invitation is not None
    assert invitation.startswith("data.email: ")
    assert export is not None
    assert export.startswith("data.recipients.1: ")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "app.example.com/i/1",
        "//app.example.com",
        "https://",
        "javascript:alert(1)",
        "ftp://example.com/x",
        "data:text/html,x",
        " https://app.example.com",
        "https://app.example.com/a b",
        "https://app.example.com/\n",
        "https://app.example.com/\r\nBcc:",
        "https://app.example.com/\x00",
        "https://app.example.com/\x7f",
        'https://app.example.com/"onclick="',
        "https://app.example.com/<script>",
        "https://app.example.com/" + "a" * 2048,
        7,
    ],
)
def test_an_address_that_people_are_sent_to_is_a_clean_http_url(url: object) -> None:
    invitation = BUILTIN.validate("user.invited", INVITATION | {"accept_url": url})
    assert invitation is not None
    assert invitation.startswith("data.accept_url: ")
    assert BUILTIN.validate("billing.export.ready", EXPORT | {"download_url": url}) is not None


@pytest.mark.parametrize("url", ["http://localhost:3000/i?t=1#x", "https://app.example.com/ï/1?a=b&c=%20"])
def test_plain_http_urls_are_accepted(url: str) -> None:
    assert BUILTIN.validate("user.invited", INVITATION | {"accept_url": url}) is None


def test_a_billing_export_goes_to_at_most_a_hundred_recipients_each_named_once() -> None:
    def fault(count: int, *more: str) -> str | None:
        recipients = [f"r{number}@example.com" for number in range(count)]
        return BUILTIN.validate("billing.export.ready", EXPORT | {"recipients": [*recipients, *more]})

    assert fault(100) is None
    assert "has more than 100 items" in (fault(101) or "")
    assert "non-unique" in (fault(1, "r0@example.com") or "")


@pytest.mark.parametrize(
    "url", ["https://user:pass@hooks.example.com/in", "https://hooks.example.com/in?key=1", "https://h.example/#x"]
)
def test_a_disabled_webhooks_event_never_shows_credentials_or_a_query(url: str) -> None:
    data = BUILTIN.types["webhook.disabled"].example
    assert BUILTIN.validate("webhook.disabled", data | {"url": "https://hooks.example.com/@me/in"}) is None
    assert BUILTIN.validate("webhook.disabled", data | {"url": url}) is not None


@pytest.mark.parametrize(
    "value",
    [2**63, -(2**64), 10**4000, 1e308, "\x00", "🦀" * 1000, [[[[]]]], {"": {"": None}}],
    ids=["int64+1", "-2^64", "10^4000", "1e308", "nul", "crab", "lists", "empty names"],
)
def test_unusual_but_legal_json_passes_where_the_schema_says_nothing(value: object) -> None:
    assert BUILTIN.validate("certificate.issued", {"certificate_id": "cert_42", "more": value}) is None


def test_numbers_are_compared_exactly_beyond_64_bits(tmp_path: Path) -> None:
    limit = 2**70
    catalogue = Catalogue.load(
        _file(tmp_path, [INVOICE | {"schema": {"properties": {"amount": {"maximum": limit}}}}])
    )
    assert catalogue.validate("invoice.paid", {"amount": limit}) is None
    assert catalogue.validate("invoice.paid", {"amount": limit + 1}) is not None
    assert catalogue.validate("invoice.paid", {"amount": -limit}) is None


def test_infinity_and_nan_are_no_numbers(tmp_path: Path) -> None:
    catalogue = Catalogue.load(_file(tmp_path, [INVOICE]))
    for value in (float("inf"), float("-inf"), float("nan")):
        assert (catalogue.validate("invoice.paid", {"amount": value}) or "").startswith("data.amount: ")


def test_the_deepest_data_that_a_decoder_lets_through_is_judged_without_a_crash(tmp_path: Path) -> None:
    tree = {"type": "tree.grown", "description": "A tree grew.", "schema": {"$ref": "#/$defs/tree"}, "example": {}}
    tree["schema"] = {
        "$ref": "#/$defs/tree",
        "$defs": {"tree": {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}}},
    }
    catalogue = Catalogue.load(_file(tmp_path, [tree]))
    deep = _deepest_object()
    assert catalogue.validate("tree.grown", deep) is None
    assert catalogue.validate("certificate.issued", {"certificate_id": "cert_42", "more": deep}) is None
    assert (catalogue.validate("certificate.issued", {"certificate_id": deep}) or "").startswith("data")
    assert (catalogue.validate("certificate.issued", deep) or "").startswith("data")


def test_lone_surrogates_are_refused_with_a_sentence() -> None:
    fault = BUILTIN.validate("user.invited", INVITATION | {"email": "ada@example.com\ud800"})
    assert fault is not None
    assert "surrogates not allowed" in fault
    assert "send plain Unicode text" in fault


@given(st.sampled_from(list(BUILTIN.types)), json_values)
def test_any_data_gets_a_verdict_that_is_one_printable_line(event_type: str, data: object) -> None:
    fault = BUILTIN.validate(event_type, data)
    assert fault is None or (fault.startswith("data") and fault.isprintable() and len(fault) <= 401)


def test_a_fault_never_repeats_what_was_sent() -> None:
    secret = "s3cret-t0ken"
    for data in (
        INVITATION | {"accept_url": f"ftp://{secret}"},
        INVITATION | {"email": secret},
        {"email": secret},
        INVITATION | {"role": [secret]},
    ):
        assert secret not in (BUILTIN.validate("user.invited", data) or secret)


def test_a_field_with_an_odd_name_is_quoted(tmp_path: Path) -> None:
    entry = INVOICE | {"schema": {"additionalProperties": {"type": "integer"}}}
    fault = Catalogue.load(_file(tmp_path, [entry])).validate("invoice.paid", {"a.b\r\n": "x"})
    assert fault == r'data."a.b\r\n": is not of type "integer"'


def test_a_fault_about_long_names_stays_short(tmp_path: Path) -> None:
    entry = INVOICE | {"schema": {"propertyNames": {"maxLength": 20}}}
    fault = Catalogue.load(_file(tmp_path, [entry])).validate("invoice.paid", {"é" * 100_000: 1})
    assert fault is not None
    assert len(fault) <= 401


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
    assert BUILTIN.has_match(pattern) is known


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
    assert catalogue.has_match("invoice.*")
    assert not BUILTIN.has_match("invoice.*")
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
    page = Path(__file__).parents[2] / "docs" / "events.md"
    assert page.read_text() == events_markdown(BUILTIN), "run: python -m shared.catalogue > docs/events.md"


def _file(folder: Path, content: object) -> Path:
    path = folder / "types.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def _deepest_object() -> dict[str, Any]:
    """Return the deepest nested objects that the JSON decoder of the services accepts here."""
    for depth in range(1000, 0, -1):
        try:
            return msgspec.json.decode(b'{"a":' * depth + b"{}" + b"}" * depth, type=dict[str, Any])
        except RecursionError:
            continue
    raise AssertionError("the decoder accepts no nesting at all")
