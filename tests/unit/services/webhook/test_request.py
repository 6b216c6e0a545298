"""The headers of a request are ours, signed, traceable, and nobody else's."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from services.webhook.request import request_headers
from shared.model.subscription import Origin
from tests.support.values import TRACEPARENT, a_task

SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMgbG9uZyE="
OURS = (
    *("webhook-id", "webhook-timestamp", "webhook-signature", "x-wipe-signature", "x-wipe-signature-previous"),
    *("x-guardian-signature", "x-guardian-signature-previous", "user-agent", "x-delivery-attempt", "traceparent"),
    *("host", "content-type", "content-length", "content-encoding", "content-anything"),
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"),
    *("upgrade", "proxy-connection", "expect"),
)


def headers(**changes: Any) -> dict[str, str]:
    facts: dict[str, Any] = {
        "task": a_task(),
        "attempt": 1,
        "timestamp": 1_795_000_000,
        "origin": Origin.API,
        "traceparent": TRACEPARENT,
        "secrets": [SECRET],
        "custom": {},
    }
    return request_headers(**facts | changes)


def test_each_attempt_has_the_same_id_and_its_own_number_and_time() -> None:
    first, second = headers(), headers(attempt=2, timestamp=1_795_000_005)
    assert first["webhook-id"] == second["webhook-id"] == "evt_1"
    assert (first["X-Delivery-Attempt"], second["X-Delivery-Attempt"]) == ("1", "2")
    assert (first["webhook-timestamp"], second["webhook-timestamp"]) == ("1795000000", "1795000005")
    assert first["webhook-signature"] != second["webhook-signature"]


@pytest.mark.parametrize(
    ("origin", "name"), [(Origin.API, "X-Wipe-Signature"), (Origin.SIGNER, "X-Guardian-Signature")]
)
def test_the_hex_signature_is_the_plain_hmac_of_the_body_under_the_name_of_its_product(
    origin: Origin, name: str
) -> None:
    made = headers(origin=origin)
    assert made[name] == "sha256=" + hmac.new(SECRET.encode(), a_task().body, hashlib.sha256).hexdigest()
    assert len([key for key in made if key.lower().startswith(("x-wipe", "x-guardian"))]) == 1


def test_the_standard_signature_is_what_the_independent_library_accepts() -> None:
    made = headers(timestamp=int(time.time()))
    assert Webhook(SECRET).verify(a_task().body, made) == json.loads(a_task().body)


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_a_custom_header_overrides_none_of_ours(name: str, spelling: Any) -> None:
    assert headers(custom={spelling(name): "forged"}).keys() == headers().keys()
    assert "forged" not in headers(custom={spelling(name): "forged"}).values()


def test_a_custom_header_arrives() -> None:
    assert headers(custom={"X-Api-Key": "k", "Authorization": "Bearer t"}).items() >= {
        ("X-Api-Key", "k"),
        ("Authorization", "Bearer t"),
    }


def test_the_request_continues_the_trace_of_the_event() -> None:
    assert headers()["traceparent"] == TRACEPARENT
