"""Who is calling: bearer tokens (JWT) to a `Caller`, or the 401 that says why not.

HS256 is judged with the shared secret only and the asymmetric algorithms with the identity provider's keys only,
so that no token can choose which kind of key it is checked with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import jwt

from services.api.http.jwks import KeySet, KeysUnavailable
from services.api.http.problems import Problem, unavailable
from services.api.settings import ApiSettings

SYMMETRIC: Final = frozenset({"HS256"})
ASYMMETRIC: Final = frozenset({"RS256", "ES256", "EdDSA"})
_MAX_NAME = 256
_MISSING: Final = {"iss": "wrong_issuer", "aud": "wrong_audience"}
_OPTIONS: Final = {
    "require": ["exp", "sub"],
    "verify_iat": False,  # RFC 7519 asks nothing of it, and clocks differ
}


class Role(StrEnum):
    """What a caller may do."""

    CLIENT_ADMIN = "CLIENT_ADMIN"
    """Administers a tenant's subscriptions and deliveries."""
    SIGNER_ADMIN = "SIGNER_ADMIN"
    """Administers the webhooks of a tenant's signers."""
    PRODUCER = "PRODUCER"
    """Publishes events of its own tenant."""
    PLATFORM_PRODUCER = "PLATFORM_PRODUCER"
    """Publishes events of any tenant."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A signed-in person or program."""

    subject: str
    org_id: str | None
    roles: frozenset[str]

    @property
    def tenant(self) -> str:
        """Whose objects the caller sees: the organisation's, or its own without one."""
        return self.org_id or self.subject


def unauthorized(code: str, detail: str) -> Problem:
    """Return a 401; RFC 6750, section 3: a request without a token is told nothing but the scheme."""
    challenge = "Bearer" if code == "missing_token" else f'Bearer error="invalid_token", error_description="{detail}"'
    return Problem(401, code, detail, headers={"WWW-Authenticate": challenge})


class Authenticator:
    """Judges tokens by this deployment's settings."""

    def __init__(self, settings: ApiSettings, keys: KeySet | None) -> None:
        self._secret, self._keys = settings.jwt_secret(), keys
        self._issuer, self._audience = settings.auth_issuer or None, settings.auth_audience or None

    async def authenticate(self, authorization: str | None) -> Caller:
        """Return the caller that an `Authorization` header proves.

        Raises:
            Problem: 401 with a code that says why; 503 if the identity provider's keys can't be fetched.
        """
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthorized("missing_token", "Send a token in the header Authorization: Bearer <token>.")
        try:
            return _caller(await self._claims(token.strip()))
        except jwt.ExpiredSignatureError:
            raise unauthorized("token_expired", "The token has expired; get a new one.") from None
        except jwt.MissingRequiredClaimError as error:
            code = _MISSING.get(error.claim, "invalid_claims")
            raise unauthorized(code, f"The token has no claim {error.claim}.") from None
        except jwt.InvalidIssuerError:
            raise unauthorized("wrong_issuer", "The token comes from another issuer.") from None
        except jwt.InvalidAudienceError:
            raise unauthorized("wrong_audience", "The token is for another audience.") from None
        except (jwt.PyJWTError, ValueError):  # ValueError: what is not even text
            raise unauthorized("invalid_token", "The token is malformed, or its signature is wrong.") from None

    async def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        algorithm = str(header.get("alg"))  # whoever asks for one may write anything there, also a list
        claims: dict[str, Any] = jwt.decode(
            token,
            await self._key(algorithm, header.get("kid")),
            algorithms=[algorithm],
            issuer=self._issuer,
            audience=self._audience,
            options=_OPTIONS | {"verify_aud": self._audience is not None},  # type: ignore[arg-type]
        )
        return claims

    async def _key(self, algorithm: str, key_id: object) -> jwt.PyJWK | str:
        if algorithm in SYMMETRIC and self._secret:
            return self._secret
        if algorithm not in ASYMMETRIC or self._keys is None:
            raise unauthorized("unsupported_algorithm", "The token is signed with an algorithm that is not accepted.")
        try:
            key = await self._keys.find(key_id, algorithm=algorithm)
        except KeysUnavailable:
            raise unavailable(
                "auth_unavailable", "The identity provider's keys can't be fetched now; try again."
            ) from None
        if key is None:
            raise unauthorized(
                "unknown_key", "The token is signed with a key that the identity provider does not publish."
            )
        return key


def _caller(claims: Mapping[str, Any]) -> Caller:
    org_id, roles = claims.get("org_id"), claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise unauthorized("invalid_claims", "The claim roles must be a list of strings.")
    if not _is_name(claims["sub"]):
        raise unauthorized("invalid_claims", "The claim sub must be 1 to 256 printable characters.")
    if org_id not in (None, "") and not _is_name(org_id):
        raise unauthorized("invalid_claims", "The claim org_id must be 1 to 256 printable characters.")
    return Caller(subject=claims["sub"], org_id=org_id or None, roles=frozenset(roles))


def _is_name(value: object) -> bool:
    """Tell whether a claim can be a tenant: the bounds are those of an event's `tenantid`."""
    return isinstance(value, str) and 1 <= len(value) <= _MAX_NAME and value.isprintable()
