"""Signed links in mails: a reader of the mail may do the one thing that the link is for. Pure: no clock, no I/O.

A token is `expiry.subscription.address.mac`: anyone can read it, but only a holder of a master key can create one.
Tokens are not stored, so a stolen database or queue can neither confirm nor end a subscription.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

MAX_TOKEN = 300
"""Characters; ours have about 150."""


class Purpose(StrEnum):
    """What a link is for; the value is the last segment of its path."""

    CONFIRM = "confirm"
    UNSUBSCRIBE = "unsubscribe"


LIFETIMES = {Purpose.CONFIRM: timedelta(days=7), Purpose.UNSUBSCRIBE: timedelta(days=365)}
"""Unsubscribing must still work from a mail that is months old."""


class LinkRefused(Exception):
    """The token is not one of ours for this purpose, or too old."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a valid link allows."""

    purpose: Purpose
    subscription_id: str
    address_hash: str

    def is_for(self, address: str) -> bool:
        """Tell whether the link was sent to this address."""
        return hmac.compare_digest(self.address_hash, address_hash(address))


class Links:
    """Creates links under one base URL with the newest key, and accepts links of every key."""

    def __init__(self, keys: Sequence[bytes], base_url: str) -> None:
        self._keys, self._base_url = tuple(keys), base_url

    def __repr__(self) -> str:
        return f"Links({self._base_url})"

    def url(self, purpose: Purpose, subscription_id: str, address: str, *, now: datetime) -> str:
        """Return the link to send to an address."""
        expiry = int((now + LIFETIMES[purpose]).timestamp())
        claim = f"{expiry}.{subscription_id}.{address_hash(address)}"
        return f"{self._base_url}/email-subscriptions/{purpose}?token={claim}.{_mac(self._keys[0], purpose, claim)}"

    def open(self, purpose: Purpose, token: str, *, now: datetime) -> Grant:
        """Return what a token allows.

        Raises:
            LinkRefused: the token is not ours, is for another purpose, or has expired.
        """
        claim, _, mac = token.rpartition(".")
        is_ours = token.isascii() and len(token) <= MAX_TOKEN
        if not is_ours or not any(hmac.compare_digest(_mac(key, purpose, claim), mac) for key in self._keys):
            raise LinkRefused("the signature is not ours")
        expiry, subscription_id, hashed = claim.split(".")
        if datetime.fromtimestamp(int(expiry), UTC) < now:
            raise LinkRefused("the link has expired")
        return Grant(purpose=purpose, subscription_id=subscription_id, address_hash=hashed)


def address_hash(address: str) -> str:
    """Return what a link contains instead of the address itself: 128 bits of its SHA-256."""
    return _base64(hashlib.sha256(address.encode()).digest()[:16])


def _mac(key: bytes, purpose: Purpose, claim: str) -> str:
    return _base64(hmac.digest(key, f"{purpose}.{claim}".encode(), "sha256"))


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
