"""What `signalpost.receiver` says about requests that it does not take; those it takes are in tests/receiving."""

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from shared.secrets.signing import Origin, signature_headers
from signalpost.receiver import (
    HeaderMissing,
    MalformedBody,
    MalformedHeader,
    NotVerified,
    TimestampOutOfRange,
    Verifier,
    WrongSignature,
)

SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
NOW = 1_795_255_203
EVENT = {
    "id": "evt_1",
    "type": "certificate.issued",
    "timestamp": "2026-11-21T10:00:00Z",
    "tenant": "org_1",
    "subject": None,
    "data": {"size": 2**63 + 1},
}
BODY = json.dumps(EVENT).encode()


def _verifier(*secrets: str) -> Verifier:
    return Verifier(secrets or SECRET, clock=lambda: NOW)


def _headers(*secrets: str, body: bytes = BODY, origin: Origin = Origin.API) -> dict[str, str]:
    return signature_headers(
        origin=origin, secrets=secrets or (SECRET,), message_id="evt_1", timestamp=NOW, body=body
    )


def test_a_verified_request_is_an_event_with_the_numbers_that_were_sent() -> None:
    event = _verifier().receive(_headers(), BODY)
    assert (event.id, event.type, event.tenant, event.subject) == ("evt_1", "certificate.issued", "org_1", None)
    assert event.timestamp == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert event.data == {"size": 2**63 + 1}


def test_what_the_independent_library_signs_is_taken() -> None:
    signature = Webhook(SECRET).sign("evt_1", datetime.fromtimestamp(NOW, UTC), BODY.decode())
    headers = {"Webhook-Id": "evt_1", "WEBHOOK-TIMESTAMP": str(NOW), "webhook-signature": f"v1a,AAAA {signature}"}
    _verifier().verify(headers, BODY)


def test_while_secrets_overlap_each_of_either_side_is_enough() -> None:
    _verifier(OTHER, SECRET).verify(_headers(SECRET), BODY)
    _verifier(OTHER).verify(_headers(SECRET, OTHER), BODY)
    _verifier(OTHER).verify_hex(_headers(SECRET, OTHER), BODY)
    _verifier().verify_hex(_headers(origin=Origin.SIGNER), BODY, header="X-Guardian-Signature")


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_that_is_missing_is_named(name: str) -> None:
    headers = {key: value for key, value in _headers().items() if key != name}
    with pytest.raises(HeaderMissing, match=name):
        _verifier().verify(headers, BODY)


def test_a_request_without_its_standard_headers_is_not_taken_for_its_hex_signature() -> None:
    only_hex = {"X-Wipe-Signature": _headers()["X-Wipe-Signature"]}
    with pytest.raises(HeaderMissing):
        _verifier().verify(only_hex, BODY)


@pytest.mark.parametrize(("now", "words"), [(NOW + 400, "400 s ago, and 300 s"), (NOW - 400, "400 s in the future")])
def test_a_request_from_another_time_says_how_far_away_it_is(now: int, words: str) -> None:
    with pytest.raises(TimestampOutOfRange, match=words):
        Verifier(SECRET, clock=lambda: now).verify(_headers(), BODY)
    Verifier(SECRET, clock=lambda: now, tolerance=400).verify(_headers(), BODY)


@pytest.mark.parametrize(
    ("name", "value"),
    [("webhook-timestamp", "1e9"), ("webhook-timestamp", "٣"), ("webhook-id", "evt_é"), ("webhook-id", "\udce9")],
)
def test_a_header_that_is_none_of_ours_is_malformed(name: str, value: str) -> None:
    with pytest.raises(MalformedHeader, match=name):
        _verifier().verify(_headers() | {name: value}, BODY)


@pytest.mark.parametrize("value", ["\udce9", "v1,é", "v1", ",", "v2," + "A" * 44])
def test_a_signature_that_is_none_is_wrong(value: str) -> None:
    with pytest.raises(WrongSignature, match="no signature fits"):
        _verifier().verify(_headers() | {"webhook-signature": value}, BODY)
    with pytest.raises(WrongSignature, match="X-Wipe-Signature: no signature fits"):
        _verifier().verify_hex(_headers() | {"X-Wipe-Signature": value}, BODY)


def test_every_refusal_is_one_that_a_receiver_catches() -> None:
    assert {HeaderMissing, MalformedHeader, TimestampOutOfRange, WrongSignature} == set(NotVerified.__subclasses__())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"id": 1}', b"\xff", b"[" * 100_000])
def test_a_signed_body_that_is_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody, match="not an event of Signalpost"):
        _verifier().receive(_headers(body=body), body)


@pytest.mark.parametrize("secrets", ["", "secret", "whsec_", "whsec_AAAA", "whsec_no base64", [], [SECRET, ""]])
def test_without_a_good_secret_nothing_is_verified_and_the_secret_is_not_repeated(secrets: str | list[str]) -> None:
    with pytest.raises(ValueError, match="secret") as refused:
        Verifier(secrets)
    assert "base64 " not in str(refused.value).replace("and base64", "")
