"""Requests as a receiver has them in hand: what arrived, and the secret it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tests.support.receiver import Received


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a receiver has in hand when it verifies."""

    secret: str
    headers: Mapping[str, str]
    body: bytes
    hex_header: str

    def with_header(self, name: str, value: str) -> "Request":
        """The same request with another value of a header."""
        return replace(self, headers={**self.headers, name: value})

    def without_header(self, name: str) -> "Request":
        """The same request without a header."""
        return replace(self, headers={key: value for key, value in self.headers.items() if key != name})


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """One webhook's secrets, and what its receiver got: before a rotation, in the overlap, and after one without."""

    hex_header: str
    secrets: tuple[str, ...]
    requests: tuple[Received, ...]

    def request(self, number: int, secret: int) -> Request:
        """One of the requests as a receiver that holds one of the secrets sees it."""
        got = self.requests[number]
        return Request(
            secret=self.secrets[secret], headers=dict(got.headers), body=got.body, hex_header=self.hex_header
        )
