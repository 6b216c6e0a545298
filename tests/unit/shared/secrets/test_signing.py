"""Signatures: equal to the published vectors, and accepted by Standard Webhooks' own library."""

import hashlib
import hmac
import json
import math
import time
from base64 import b64encode
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks.webhooks
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from shared.model.subscription import Origin
from shared.secrets.signing import SIGNED_HEADERS, hex_signature, signature_headers, standard_webhooks_signature

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[3] / "vectors" / "standard_webhooks.json").read_text())
ACCEPT: list[dict[str, Any]] = VECTORS["accept"]
BAD_SIGNATURES = [vector for vector in VECTORS["refuse"] if "signature" in vector]
[OFF_TIME] = [vector["timestamp_offset"] for vector in VECTORS["refuse"] if "timestamp_offset" in vector]
NEW = "whsec_" + b64encode(b"n" * 32).decode()
OLD = "whsec_" + b64encode(b"o" * 32).decode()
BODY = b'{"id":"evt_1","data":{"name":"\xc3\xa9"}}'


def headers_now(body: bytes = BODY, secrets: tuple[str, ...] = (NEW,)) -> dict[str, str]:
    return signature_headers(
        origin=Origin.API, secrets=secrets, message_id="evt_1", timestamp=int(time.time()), body=body
    )


@pytest.fixture
def at_vector_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the verifier's clock stand where the first published vector was signed."""

    class VectorTime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "VectorTime":
            return cls.fromtimestamp(ACCEPT[0]["timestamp"], tz=tz or UTC)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", VectorTime)


@pytest.mark.parametrize("vector", ACCEPT, ids=lambda vector: vector["id"])
def test_the_signature_is_byte_for_byte_the_published_one(vector: dict[str, Any]) -> None:
    signature = standard_webhooks_signature(
        vector["secret"], vector["id"], vector["timestamp"], vector["body"].encode()
    )
    assert signature == vector["signature"]


@pytest.mark.usefixtures("at_vector_time")
def test_the_verifier_accepts_our_headers_for_the_published_vector() -> None:
    vector = ACCEPT[0]
    headers = signature_headers(
        origin=Origin.API,
        secrets=[vector["secret"]],
        message_id=vector["id"],
        timestamp=vector["timestamp"],
        body=vector["body"].encode(),
    )
    assert Webhook(vector["secret"]).verify(vector["body"], headers) == json.loads(vector["body"])


@pytest.mark.usefixtures("at_vector_time")
@pytest.mark.parametrize("vector", BAD_SIGNATURES, ids=lambda vector: vector["why"])
def test_the_verifier_refuses_what_the_published_vectors_refuse(vector: dict[str, Any]) -> None:
    valid = ACCEPT[0]
    headers = {
        "webhook-id": valid["id"],
        "webhook-timestamp": str(valid["timestamp"]),
        "webhook-signature": vector["signature"],
    }
    with pytest.raises((WebhookVerificationError, ValueError)):  # ValueError: its answer to broken base64
        Webhook(valid["secret"]).verify(valid["body"], headers)


@pytest.mark.parametrize("offset", [-OFF_TIME, OFF_TIME])
def test_the_timestamp_is_signed_and_a_distant_one_is_refused(offset: int) -> None:
    timestamp = math.ceil(time.time()) + offset + (1 if offset > 0 else -1)  # the clock runs on while we verify
    headers = signature_headers(origin=Origin.API, secrets=[NEW], message_id="evt_1", timestamp=timestamp, body=BODY)
    with pytest.raises(WebhookVerificationError, match="timestamp too"):
        Webhook(NEW).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(NEW).verify(BODY, headers | {"webhook-timestamp": str(int(time.time()))})


@given(key=st.binary(min_size=1, max_size=64), body=st.text().map(str.encode))
def test_the_verifier_accepts_any_key_and_body(key: bytes, body: bytes) -> None:
    secret = "whsec_" + b64encode(key).decode()
    Webhook(secret).verify(body, headers_now(body, (secret,)), json_parse=False)


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_in_an_overlap_a_receiver_holding_either_secret_accepts(secret: str) -> None:
    Webhook(secret).verify(BODY, headers_now(secrets=(NEW, OLD)))


def test_a_receiver_holding_another_secret_refuses() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, headers_now(secrets=(NEW,)))


def test_in_an_overlap_the_newest_signature_comes_first() -> None:
    headers = headers_now(secrets=(NEW, OLD))
    timestamp = int(headers["webhook-timestamp"])
    assert headers["webhook-signature"].split(" ") == [
        standard_webhooks_signature(secret, "evt_1", timestamp, BODY) for secret in (NEW, OLD)
    ]


def test_the_hex_signature_is_keyed_with_the_text_of_the_secret() -> None:
    assert hex_signature(NEW, BODY) == hmac.new(NEW.encode(), BODY, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("origin", "header"),
    [(Origin.API, "X-Wipe-Signature"), (Origin.SIGNER, "X-Guardian-Signature")],
)
def test_the_origin_names_the_hex_headers(origin: Origin, header: str) -> None:
    one = signature_headers(origin=origin, secrets=[NEW], message_id="evt_1", timestamp=1, body=BODY)
    two = signature_headers(origin=origin, secrets=[NEW, OLD], message_id="evt_1", timestamp=1, body=BODY)

    standard = {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert set(one) == standard | {header}
    assert set(two) == standard | {header, f"{header}-Previous"}
    assert one[header] == two[header] == f"sha256={hex_signature(NEW, BODY)}"
    assert two[f"{header}-Previous"] == f"sha256={hex_signature(OLD, BODY)}"
    assert {name.lower() for name in two} <= SIGNED_HEADERS


@pytest.mark.parametrize("secrets", [[], [NEW, OLD, NEW]])
def test_only_one_or_two_secrets_sign(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="one secret or two"):
        signature_headers(origin=Origin.API, secrets=secrets, message_id="evt_1", timestamp=1, body=BODY)


@pytest.mark.parametrize("secret", ["s3cr3t", "whsec_s3cr3t!", "whsec_s3cr3"])
def test_a_malformed_secret_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match=r"^(?!.*s3cr3).*$"):
        standard_webhooks_signature(secret, "evt_1", 1, BODY)
