"""How the catalogue judges data: what passes, what doesn't, and the sentence that says why."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue import Catalogue, EventType, JsonObject

BUILTIN = Catalogue.builtin()
INVITATION = {"email": "ada@example.com", "accept_url": "https://app.example.com/i/1"}
EXPORT = {"export_id": "exp_1", "recipients": ["ada@example.com"], "download_url": "https://app.example.com/e/1"}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


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


def test_numbers_are_compared_exactly_beyond_64_bits() -> None:
    limit = 2**70
    catalogue = _catalogue({"properties": {"amount": {"maximum": limit}}}, example={"amount": 1})
    assert catalogue.validate("a.b", {"amount": limit}) is None
    assert catalogue.validate("a.b", {"amount": -limit}) is None
    assert catalogue.validate("a.b", {"amount": limit + 1}) == (
        f"data.amount: is greater than the maximum of {limit}; send for example 1"
    )


def test_infinity_and_nan_are_no_numbers() -> None:
    catalogue = _catalogue({"properties": {"amount": {"type": "number"}}}, example={})
    for value in (float("inf"), float("-inf"), float("nan")):
        assert catalogue.validate("a.b", {"amount": value}) == 'data.amount: is not of type "number"'


def test_the_deepest_data_that_a_decoder_lets_through_is_judged_without_a_crash() -> None:
    tree = {"type": "object", "additionalProperties": {"$ref": "#"}}
    deep = _deepest_object()
    assert _catalogue(tree, example={}).validate("a.b", deep) is None
    assert BUILTIN.validate("certificate.issued", {"certificate_id": "cert_42", "more": deep}) is None
    for refused in (deep, {"certificate_id": deep}):
        assert (BUILTIN.validate("certificate.issued", refused) or "").startswith("data")


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


def test_a_field_with_an_odd_name_is_quoted() -> None:
    catalogue = _catalogue({"additionalProperties": {"type": "integer"}}, example={})
    assert catalogue.validate("a.b", {"c.d\r\n": "x"}) == r'data."c.d\r\n": is not of type "integer"'


def test_a_fault_about_long_names_stays_short() -> None:
    catalogue = _catalogue({"propertyNames": {"maxLength": 20}}, example={})
    fault = catalogue.validate("a.b", {"é" * 100_000: 1})
    assert fault is not None
    assert len(fault) <= 401


def _catalogue(schema: JsonObject, *, example: JsonObject) -> Catalogue:
    return Catalogue.of([EventType(type="a.b", description="A type.", schema=schema, example=example)])


def _deepest_object() -> dict[str, Any]:
    """Return the deepest nested objects that the JSON decoder of the services accepts here."""
    for depth in range(1000, 0, -1):
        try:
            return msgspec.json.decode(b'{"a":' * depth + b"{}" + b"}" * depth, type=dict[str, Any])
        except RecursionError:
            continue
    raise AssertionError("the decoder accepts no nesting at all")
