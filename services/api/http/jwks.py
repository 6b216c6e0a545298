"""The identity provider's public keys (JWKS, RFC 7517), fetched when needed and kept for some minutes.

A key id that is not among them makes it look again, so that a rotation needs no restart; but not more often than
once a second, or anybody could make us flood the identity provider with made-up ids.
"""

import asyncio
import json
import math
import time
from typing import Final

import aiohttp
import jwt
import structlog

KEEP_SECONDS: Final = 300.0
"""How long a key that the identity provider has withdrawn may still be accepted."""
RETRY_SECONDS: Final = 30.0
"""How long known keys are used on before an identity provider that did not answer is asked again."""
FETCH_GAP: Final = 1.0
"""Seconds between two fetches, however many tokens with unknown key ids come in."""
FETCH_TIMEOUT: Final = 3.0

_KEY_TYPES: Final = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}

log = structlog.get_logger(__name__)


class KeysUnavailable(Exception):
    """The keys could not be fetched, so a token can't be judged now."""


class KeySet:
    """The keys behind one URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: list[jwt.PyJWK] = []
        self._fetched_at = self._tried_at = -math.inf
        self._fetching = asyncio.Lock()

    async def find(self, key_id: object, *, algorithm: str) -> jwt.PyJWK | None:
        """Return the key with this id for this algorithm; without an id, the only key that fits.

        Raises:
            KeysUnavailable: it is not among the known keys, and the present ones can't be fetched.
        """
        now = time.monotonic()
        if now - self._fetched_at >= KEEP_SECONDS and now - self._tried_at >= RETRY_SECONDS:
            await self._refresh(now)
        key = self._known(key_id, algorithm)
        if key is None:
            await self._refresh(now)
            key = self._known(key_id, algorithm)
        if key is None and self._fetched_at < self._tried_at:
            raise KeysUnavailable
        return key

    def _known(self, key_id: object, algorithm: str) -> jwt.PyJWK | None:
        fitting = [
            key for key in self._keys if key.algorithm_name == algorithm and key.key_type == _KEY_TYPES[algorithm]
        ]
        if key_id is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.key_id == key_id), None)

    async def _refresh(self, asked_at: float) -> None:
        """Fetch the keys, unless somebody else has begun to since `asked_at`."""
        async with self._fetching:
            if self._tried_at >= asked_at:
                return
            await asyncio.sleep(self._tried_at + FETCH_GAP - time.monotonic())
            self._tried_at = time.monotonic()
            try:
                self._keys = await self._fetch()
            except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError) as error:
                # Keys that were good a moment ago stay so: an absent identity provider locks nobody out.
                log.warning("auth.keys_unavailable", error=f"{type(error).__name__}: {error}"[:300])
            else:
                self._fetched_at = time.monotonic()

    async def _fetch(self) -> list[jwt.PyJWK]:
        timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(self._url) as answer:
            answer.raise_for_status()
            document = json.loads(await answer.read())
        if not isinstance(document, dict):
            raise ValueError("a key set is a JSON object")
        return jwt.PyJWKSet.from_dict(document).keys
