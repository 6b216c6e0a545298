"""Checks that a request comes from Signalpost, and reads the event in it. No framework, no I/O.

Comparisons take the same time whatever was sent. Nothing of a request is parsed before its signature is right, except
the time that the signature covers.
"""

import hmac
import re
import time
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from signalpost.receiver.errors import (
    HeaderMissing,
    MalformedBody,
    MalformedHeader,
    TimestampOutOfRange,
    WrongSignature,
)
from signalpost.signatures import SECRET_PREFIX, hex_signature, standard_webhooks_signature

TOLERANCE: Final = 300
"""Seconds that a request's time may be away from ours: what Standard Webhooks recommends."""
HEX_HEADERS: Final = ("X-Wipe-Signature", "X-Guardian-Signature")
MAX_BODY_BYTES: Final = 2 * 1024 * 1024
"""More than Signalpost ever posts: a little more than 1 MiB."""

_SECONDS = re.compile(r"[0-9]{1,12}")
_MIN_KEY: Final = 16
"""Bytes; Signalpost makes keys of 32, and an empty one would let anybody sign."""


class Headers(Protocol):
    """The headers of a request, as any framework has them."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return names and values."""
        ...


class ReceivedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The event that a request tells of."""

    id: str
    """The same on every attempt and in every replay: deduplicate by it."""
    type: str
    timestamp: datetime
    """When it happened."""
    tenant: str
    data: dict[str, Any]
    """What the producer said; the type says which fields to expect."""
    subject: str | None = None


_events = msgspec.json.Decoder(ReceivedEvent)


class Verifier:
    """Verifies the requests of one webhook; safe to share.

    Args:
        secrets: The webhook's secret (`whsec_…`), or several while they overlap in a rotation.
        tolerance: How many seconds the request's time may be away from ours.
        clock: Tells the time, in Unix seconds.

    Raises:
        ValueError: a secret is missing, or is not one that Signalpost made; the text does not repeat it.
    """

    def __init__(
        self, secrets: str | Iterable[str], *, tolerance: float = TOLERANCE, clock: Callable[[], float] = time.time
    ) -> None:
        self._secrets = _checked([secrets] if isinstance(secrets, str) else [*secrets])
        self._tolerance, self._clock = tolerance, clock

    def receive(self, headers: Headers, body: bytes) -> ReceivedEvent:
        """Verify a request by `webhook-signature` and return its event.

        Args:
            headers: The request's headers, in any case, from any framework.
            body: The raw bytes of the body, before anything parsed or decoded them.

        Raises:
            NotVerified: it is not known to come from Signalpost; answer 401.
            MalformedBody: the body is not what Signalpost posts by default; answer 400.
        """
        self.verify(headers, body)
        return read_event(body)

    def verify(self, headers: Headers, body: bytes) -> None:
        """Verify a request by `webhook-signature` (Standard Webhooks).

        Raises:
            NotVerified: it is not known to come from Signalpost.
        """
        found = _lowered(headers)
        message_id, sent_at, signatures = (
            _header(found, name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        )
        if not message_id.isascii():
            raise MalformedHeader("webhook-id: expected an id of Signalpost's, got characters that no id has")
        timestamp = self._checked_time(sent_at)
        expected = [standard_webhooks_signature(secret, message_id, timestamp, body) for secret in self._secrets]
        _compare(expected, signatures.split(" "), "webhook-signature")

    def verify_hex(self, headers: Headers, body: bytes, *, header: str = HEX_HEADERS[0]) -> None:
        """Verify a request by its hex signature, `X-Wipe-Signature` or `X-Guardian-Signature`.

        It covers the body alone, so it can't tell a recorded request from a new one: prefer `verify`.

        Raises:
            NotVerified: it is not known to come from Signalpost.
        """
        found = _lowered(headers)
        given = [_header(found, header.lower()), found.get(f"{header.lower()}-previous", "")]
        _compare([f"sha256={hex_signature(secret, body)}" for secret in self._secrets], given, header)

    def _checked_time(self, text: str) -> int:
        if not _SECONDS.fullmatch(text):
            raise MalformedHeader(f"webhook-timestamp: expected Unix seconds, got {text[:40]!r}")
        away = self._clock() - int(text)
        if abs(away) > self._tolerance:
            where = "ago" if away > 0 else "in the future"
            raise TimestampOutOfRange(
                f"webhook-timestamp: the request was signed {abs(away):.0f} s {where}, and {self._tolerance:g} s are "
                "allowed: it was recorded, or a clock is wrong"
            )
        return int(text)


def read_event(body: bytes) -> ReceivedEvent:
    """Return the event in a body that was verified.

    Raises:
        MalformedBody: the body is not what Signalpost posts by default.
    """
    try:
        return _events.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(f"the body is not an event of Signalpost: {error}") from error


def _checked(secrets: Sequence[str]) -> tuple[str, ...]:
    if not secrets:
        raise ValueError("no webhook secret is given")
    for secret in secrets:
        try:
            key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
        except ValueError:
            key = b""
        if not secret.startswith(SECRET_PREFIX) or len(key) < _MIN_KEY:
            raise ValueError(f"a webhook secret is {SECRET_PREFIX} and base64, as the API returned it")
    return tuple(secrets)


def _lowered(headers: Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise HeaderMissing(f"{name}: the header is missing: the request is not Signalpost's, or a proxy removed it")
    return value


def _compare(expected: Sequence[str], given: Sequence[str], header: str) -> None:
    """Raise unless one that is given is one that is expected; all are compared, and in constant time each."""
    matches = [
        hmac.compare_digest(ours.encode(), theirs.encode(errors="replace")) for ours in expected for theirs in given
    ]
    if not any(matches):
        raise WrongSignature(
            f"{header}: no signature fits; compare the webhook's secret, and verify the raw bytes of the body"
        )
