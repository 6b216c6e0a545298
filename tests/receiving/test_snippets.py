"""The receiver guide's code accepts what Signalpost sends, and nothing else: run in every language that is here."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.model.subscription import Origin
from shared.secrets.signing import hex_signature, signature_headers, standard_webhooks_signature
from tests.receiving.arrived import Arrived, Request
from tests.receiving.page import example
from tests.receiving.verifiers import CHECKS, LIBRARY, STANDARD, Check

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "standard_webhooks.json").read_text())
[OFF_TIME] = [vector["timestamp_offset"] for vector in VECTORS["refuse"] if "timestamp_offset" in vector]
EVER = 10**9
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def only(*checks: tuple[str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("check", checks, indirect=True, ids="-".join)


STANDARD_CHECKS = [check for check in CHECKS if check[1] == STANDARD]
PLAIN_CHECKS = [check for check in CHECKS if check[0] not in LIBRARY]
"""Those whose tolerance can be chosen, as an example signed long ago needs."""


def all_refused(requests: Mapping[str, Request]) -> dict[str, str]:
    return dict.fromkeys(requests, "refused")


def test_what_signalpost_sends_is_accepted(check: Check, arrived: dict[str, Arrived]) -> None:
    verdicts = check.verdicts({made_under: one.request(0, secret=0) for made_under, one in arrived.items()})
    assert verdicts == {"/api/v1": "accepted", "/signers": "accepted"}


def test_in_an_overlap_either_secret_is_enough(check: Check, arrived: dict[str, Arrived]) -> None:
    assert _verdicts_by_secret(check, arrived, request=1) == ["accepted", "accepted", "refused"] * len(arrived)


def test_after_the_overlap_only_the_newest_secret_is_enough(check: Check, arrived: dict[str, Arrived]) -> None:
    assert _verdicts_by_secret(check, arrived, request=2) == ["refused", "refused", "accepted"] * len(arrived)


def _verdicts_by_secret(check: Check, arrived: dict[str, Arrived], *, request: int) -> list[str]:
    """Return what receivers holding the first, the second and the third secret think of a request to each webhook."""
    requests = {
        f"{made_under} {secret}": webhook.request(request, secret=secret)
        for made_under, webhook in arrived.items()
        for secret in range(3)
    }
    return list(check.verdicts(requests).values())


def test_what_was_tampered_with_is_refused(check: Check, arrived: dict[str, Arrived]) -> None:
    mine, other = arrived["/api/v1"].request(0, secret=0), arrived["/signers"].request(0, secret=0)
    tampered = {
        "a changed body": replace(mine, body=mine.body.replace(b"certificate", b"Certificate", 1)),
        "a longer body": replace(mine, body=mine.body + b"\n"),
        "no body": replace(mine, body=b""),
        "another's secret": replace(mine, secret=other.secret),
        **(_tampered_standard(mine, other) if check.scheme == STANDARD else _tampered_hex(mine, other)),
    }
    assert check.verdicts(tampered) == all_refused(tampered)


def _tampered_standard(mine: Request, other: Request) -> dict[str, Request]:
    name = "webhook-signature"
    good = mine.headers[name]
    signatures = {
        "an empty header": "",
        "an empty signature": "v1,",
        "a truncated signature": good[:-2],
        "a longer signature": good.replace(",", ",AAAA"),
        "another version": good.replace("v1", "v2"),
        "no version": good.removeprefix("v1,"),
        "another's signature": other.headers[name],
        "two wrong ones": f"{other.headers[name]} v1a,{good.removeprefix('v1,')}",
        "no ASCII": "v1,é",
        "a pattern": "v1,*",
    }
    timestamp = mine.headers["webhook-timestamp"]
    timestamps = {
        "a later time": str(int(timestamp) + 1),
        "an empty time": "",
        "no number": "now",
        "a name": "timestamp[0]",
        "too large a number": "9" * 40,
    }
    return {
        **{why: mine.with_header(name, value) for why, value in signatures.items()},
        **{why: mine.with_header("webhook-timestamp", value) for why, value in timestamps.items()},
        **{f"no {header}": mine.without_header(header) for header in (name, "webhook-id", "webhook-timestamp")},
        "another id": mine.with_header("webhook-id", other.headers["webhook-id"]),
    }


def _tampered_hex(mine: Request, other: Request) -> dict[str, Request]:
    name = mine.hex_header
    good = mine.headers[name]
    values = {
        "an empty header": "",
        "an empty signature": "sha256=",
        "a truncated signature": good[:-2],
        "a longer signature": good + "00",
        "another algorithm": good.replace("sha256", "sha1"),
        "no algorithm": good.removeprefix("sha256="),
        "another's signature": other.headers[other.hex_header],
        "no ASCII": "sha256=é",
        "a pattern": "sha256=*",
    }
    return {
        **{why: mine.with_header(name, value) for why, value in values.items()},
        **{f"{why}, as the previous": mine.without_header(name).with_header(f"{name}-Previous", value)
           for why, value in values.items()},
        "no header": mine.without_header(name),
        "under another name": mine.without_header(name).with_header(other.hex_header, good),
    }  # fmt: skip


@only(*STANDARD_CHECKS)
def test_a_distant_time_is_refused_however_well_it_is_signed(check: Check) -> None:
    now = int(time.time())
    near, far = OFF_TIME - 100, OFF_TIME + 100  # the clock runs on while they verify
    verdicts = check.verdicts({str(offset): _signed_at(now + offset) for offset in (-far, -near, near, far)})
    assert list(verdicts.values()) == ["refused", "accepted", "accepted", "refused"]


@only(*[check for check in PLAIN_CHECKS if check[1] == STANDARD])
def test_the_published_vectors_are_judged_as_published(check: Check) -> None:
    accept = {vector["id"]: _vector(vector) for vector in VECTORS["accept"]}
    first = next(iter(accept.values()))
    refuse = {
        vector["why"]: first.with_header("webhook-signature", vector["signature"])
        for vector in VECTORS["refuse"]
        if "signature" in vector
    }
    assert check.verdicts(accept, tolerance=EVER) == dict.fromkeys(accept, "accepted")
    assert check.verdicts(refuse, tolerance=EVER) == all_refused(refuse)


def test_without_a_secret_nothing_is_accepted_and_the_mistake_is_loud(check: Check) -> None:
    now, body = int(time.time()), b"{}"
    forged = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(now),
        "webhook-signature": standard_webhooks_signature("whsec_", "evt_1", now, body),
        "X-Wipe-Signature": f"sha256={hex_signature('', body)}",
    }
    request = Request(secret="", headers=forged, body=body, hex_header="X-Wipe-Signature")
    assert check.verdicts({"forged": request})["forged"].startswith("error: ")


@only(*PLAIN_CHECKS)
def test_the_request_on_the_page_is_signed_as_the_page_says(check: Check) -> None:
    headers, body, secret = example()
    request = Request(secret=secret, headers=headers, body=body, hex_header="X-Wipe-Signature")
    assert check.verdicts({"example": request}, tolerance=EVER) == {"example": "accepted"}


def _signed_at(timestamp: int) -> Request:
    body = b'{"id":"evt_1"}'
    headers = signature_headers(
        origin=Origin.API, secrets=[SECRET], message_id="evt_1", timestamp=timestamp, body=body
    )
    return Request(secret=SECRET, headers=headers, body=body, hex_header="X-Wipe-Signature")


def _vector(vector: dict[str, Any]) -> Request:
    headers = {
        "webhook-id": vector["id"],
        "webhook-timestamp": str(vector["timestamp"]),
        "webhook-signature": vector["signature"],
    }
    return Request(secret=vector["secret"], headers=headers, body=vector["body"].encode(), hex_header="")
