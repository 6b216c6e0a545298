"""Who gets in: bearer tokens signed with the shared secret, judged by the running API."""

import base64
import hashlib
import hmac
import json
from typing import Any

import aiohttp
import jwt
import pytest

from shared.process.clock import utc_now
from tests.support.system import JWT_SECRET, System, token

NOW = int(utc_now().timestamp())
CLAIMS: dict[str, Any] = {"sub": "user_1", "roles": ["CLIENT_ADMIN"], "exp": NOW + 600}


async def _ask(http: aiohttp.ClientSession, api: System, authorization: str | None) -> tuple[int, Any, str]:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with http.get(f"{api.url}/api/v1/webhooks", headers=headers) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers.get("WWW-Authenticate", "")


def _signed(claims: dict[str, Any], secret: str = JWT_SECRET, algorithm: str = "HS256") -> str:
    return "Bearer " + jwt.encode(claims, secret, algorithm=algorithm)


def _with(**claims: object) -> str:
    return "Bearer " + token("t", **claims)


def _with_algorithm(algorithm: object) -> str:
    """A token that names an algorithm and is signed, with the shared secret, by HMAC all the same."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    signed = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(CLAIMS)}"
    digest = hmac.digest(JWT_SECRET.encode(), signed.encode(), hashlib.sha256)
    return f"Bearer {signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


REFUSED = {
    "no header": (None, "missing_token"),
    "another scheme": ("Basic dXNlcjpwYXNz", "missing_token"),
    "no token": ("Bearer ", "missing_token"),
    "no JWT": ("Bearer abc", "invalid_token"),
    "not text": ("Bearer \u00ff\u00fe.\u00e4.\u00f6", "invalid_token"),
    "unsigned": (_signed(CLAIMS, "", "none"), "unsupported_algorithm"),
    "another secret": (_signed(CLAIMS, "x" * 32), "invalid_token"),
    "HS512 with the right secret": (_signed(CLAIMS, JWT_SECRET * 2, "HS512"), "unsupported_algorithm"),
    "an algorithm that is a list": (_with_algorithm(["HS256"]), "unsupported_algorithm"),
    "RS256 in name only": (_with_algorithm("RS256"), "unsupported_algorithm"),
    "expired": (_with(exp=NOW - 1), "token_expired"),
    "never expires": (_signed({"sub": "user_1", "roles": []}), "invalid_claims"),
    "nobody's": (_signed({"exp": NOW + 600}), "invalid_claims"),
    "an empty subject": (_with(sub=""), "invalid_claims"),
    "a subject with a line break": (_with(sub="a\nb"), "invalid_claims"),
    "an organisation that is a list": (_with(org_id=["t"]), "invalid_claims"),
    "roles in one string": (_with(roles="CLIENT_ADMIN"), "invalid_claims"),
    "not valid yet": (_with(nbf=NOW + 600), "invalid_token"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_request_without_a_valid_token_is_401_and_says_why(
    api: System, http: aiohttp.ClientSession, case: str
) -> None:
    authorization, code = REFUSED[case]
    status, problem, challenge = await _ask(http, api, authorization)
    assert (status, problem["code"]) == (401, code)
    assert challenge.startswith("Bearer")
    assert ("error=" in challenge) == (code != "missing_token")


async def test_the_scheme_is_case_insensitive(api: System, http: aiohttp.ClientSession, tenant: str) -> None:
    status, _, _ = await _ask(http, api, f"bearer {token(tenant)}")
    assert status == 200


async def test_a_token_without_the_role_is_403(api: System, http: aiohttp.ClientSession, tenant: str) -> None:
    status, problem, _ = await _ask(http, api, f"Bearer {token(tenant, 'PRODUCER')}")
    assert (status, problem["code"]) == (403, "missing_role")


async def test_a_request_without_a_token_is_401_before_its_body_is_looked_at(
    api: System, http: aiohttp.ClientSession
) -> None:
    async with http.post(f"{api.url}/api/v1/webhooks", data=b"{", headers={"Content-Type": "text/x"}) as answer:
        assert answer.status == 401


async def test_the_tenant_is_the_organisation_or_the_subject_without_one(
    api: System, http: aiohttp.ClientSession, tenant: str
) -> None:
    created = await api.client(tenant).create_webhook("http://127.0.0.1:9/in")
    for claims, sees in (
        ({"sub": "anybody", "org_id": tenant}, True),
        ({"sub": tenant, "org_id": None}, True),
        ({"sub": tenant, "org_id": ""}, True),
        ({"sub": tenant, "org_id": "another"}, False),
    ):
        _, page, _ = await _ask(http, api, f"Bearer {token('unused', **claims)}")
        assert (created["id"] in [item["id"] for item in page["items"]]) == sees, claims
