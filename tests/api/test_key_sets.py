"""Tokens signed by an identity provider, whose keys are fetched from a real server."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from services.api.http.auth import Authenticator
from services.api.http.jwks import KeySet
from services.api.http.problems import Problem
from services.api.settings import ApiSettings
from shared.process.clock import utc_now
from tests.support.http_server import http_server

CLAIMS: dict[str, Any] = {"sub": "user_1", "roles": ["CLIENT_ADMIN"], "exp": int(utc_now().timestamp()) + 86_400}


class Provider:
    """Serves a key set, which may change, vanish or break."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.status = 200
        self.fetches = 0
        self.url = ""

    async def _serve(self, _: web.Request) -> web.Response:
        self.fetches += 1
        return web.json_response({"keys": self.keys}, status=self.status)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application()
    app.router.add_get("/keys", provider._serve)
    async with http_server(app) as url:
        provider.url = f"{url}/keys"
        yield provider


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


MAKERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "RS256": (_rsa, jwt.algorithms.RSAAlgorithm),
    "ES256": (lambda: ec.generate_private_key(ec.SECP256R1()), jwt.algorithms.ECAlgorithm),
    "EdDSA": (ed25519.Ed25519PrivateKey.generate, jwt.algorithms.OKPAlgorithm),
}


def _new_key(algorithm: str, key_id: str) -> tuple[Any, dict[str, Any]]:
    make, translator = MAKERS[algorithm]
    private = make()
    return private, translator.to_jwk(private.public_key(), as_dict=True) | {"kid": key_id, "use": "sig"}


def _signed(private: Any, algorithm: str, key_id: str, **claims: object) -> str:
    return jwt.encode(CLAIMS | claims, private, algorithm=algorithm, headers={"kid": key_id})


def _authenticator(provider: Provider, **settings: str) -> Authenticator:
    made = ApiSettings(environment="development", auth_jwks_url=provider.url, **settings)  # type: ignore[arg-type]
    return Authenticator(made, KeySet(provider.url))


async def _code(authenticator: Authenticator, bearer: str) -> str:
    """The subject that a token proves, or the code of the problem."""
    try:
        return (await authenticator.authenticate(f"Bearer {bearer}")).subject
    except Problem as problem:
        return problem.code


@pytest.mark.parametrize("algorithm", MAKERS)
async def test_a_token_signed_by_the_identity_provider_is_accepted(provider: Provider, algorithm: str) -> None:
    private, public = _new_key(algorithm, "one")
    provider.keys = [public]
    bearer = _signed(private, algorithm, "one")
    assert await _code(_authenticator(provider), bearer) == "user_1"
    assert await _code(_authenticator(provider), bearer[:-8] + "AAAAAAAA") == "invalid_token"


async def test_a_rotation_of_keys_needs_no_restart(provider: Provider) -> None:
    old, provider_old = _new_key("RS256", "old")
    new, provider_new = _new_key("ES256", "new")
    authenticator = _authenticator(provider)
    provider.keys = [provider_old]
    assert await _code(authenticator, _signed(old, "RS256", "old")) == "user_1"
    provider.keys = [provider_new]
    assert await _code(authenticator, _signed(new, "ES256", "new")) == "user_1"
    assert await _code(authenticator, _signed(old, "RS256", "old")) == "unknown_key"


async def test_known_keys_are_not_fetched_for_each_token(provider: Provider) -> None:
    private, public = _new_key("EdDSA", "one")
    provider.keys = [public]
    authenticator = _authenticator(provider)
    for _ in range(20):
        assert await _code(authenticator, _signed(private, "EdDSA", "one")) == "user_1"
    assert provider.fetches == 1


async def test_the_identity_providers_absence_is_503_for_an_unknown_key_and_nothing_for_a_known_one(
    provider: Provider,
) -> None:
    private, public = _new_key("EdDSA", "one")
    other, _ = _new_key("EdDSA", "two")
    authenticator = _authenticator(provider)
    provider.status = 500
    assert await _code(authenticator, _signed(private, "EdDSA", "one")) == "auth_unavailable"
    provider.status, provider.keys = 200, [public]
    assert await _code(authenticator, _signed(private, "EdDSA", "one")) == "user_1"
    provider.status = 500
    assert await _code(authenticator, _signed(other, "EdDSA", "two")) == "auth_unavailable"
    assert await _code(authenticator, _signed(private, "EdDSA", "one")) == "user_1"


async def test_no_token_chooses_the_kind_of_key_it_is_judged_with(provider: Provider) -> None:
    private, public = _new_key("RS256", "one")
    secret_key = {"kty": "oct", "kid": "symmetric", "alg": "HS256", "k": "c2VjcmV0" * 8}
    provider.keys = [public, secret_key]
    authenticator = _authenticator(provider)
    pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).rstrip(b"=")
    digest = base64.urlsafe_b64encode(hmac.digest(pem, head + b"." + body, hashlib.sha256)).rstrip(b"=")
    assert await _code(authenticator, b".".join((head, body, digest)).decode()) == "unsupported_algorithm"
    listed = _signed(b"secret" * 8, "HS256", "symmetric")
    assert await _code(authenticator, listed) == "unsupported_algorithm"
    assert await _code(authenticator, _signed(private, "RS256", "symmetric")) == "unknown_key"


async def test_issuer_and_audience_are_checked_where_they_are_set(provider: Provider) -> None:
    private, public = _new_key("EdDSA", "one")
    provider.keys = [public]
    strict = _authenticator(provider, auth_issuer="https://id.example", auth_audience="signalpost")

    async def code(**claims: object) -> str:
        return await _code(strict, _signed(private, "EdDSA", "one", **claims))

    assert await code(iss="https://id.example", aud="signalpost") == "user_1"
    assert await code(iss="https://id.example", aud=["other", "signalpost"]) == "user_1"
    assert await code(iss="https://evil.example", aud="signalpost") == "wrong_issuer"
    assert await code(aud="signalpost") == "wrong_issuer"
    assert await code(iss="https://id.example", aud="other") == "wrong_audience"
    assert await code(iss="https://id.example") == "wrong_audience"
    lenient = _authenticator(provider)
    anywhere = _signed(private, "EdDSA", "one", aud="other", iss="x")
    assert await _code(lenient, anywhere) == "user_1"
