"""The limits of a public HTTP port, as an operator sets them."""

from typing import Annotated

from pydantic import Field

from shared.process.http_server.limits import HttpLimits
from shared.process.settings import CoreSettings, Seconds


class HttpSettings(CoreSettings):
    """For processes that serve HTTP to strangers."""

    limits_connections: Annotated[int, Field(ge=10, le=100_000)] = 2_000
    """Connections at once. At the limit, a client that keeps us waiting makes room for a new one."""
    limits_connections_per_client: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """The same for one address, or one IPv6 network of 64 bits. Behind a proxy, all clients are one."""
    limits_header_bytes: Annotated[int, Field(ge=1_024, le=262_144)] = 32_768
    """Bytes of a request's line and header fields together; beyond, the answer is 431 or 414."""
    limits_header_time: Seconds = 10.0
    """How long a request's header may take from its first byte, and a new connection until it says something."""
    limits_body_time: Seconds = 30.0
    """How long a request with its body may take from its first byte."""
    limits_idle_time: Seconds = 65.0
    """How long a connection is kept open between two requests; load balancers give up after 60 s."""
    limits_answer_time: Seconds = 30.0
    """How long an answer may wait for a client that does not read it."""

    def http_limits(self) -> HttpLimits:
        """Return them together."""
        return HttpLimits(
            connections=self.limits_connections,
            connections_per_client=self.limits_connections_per_client,
            header_bytes=self.limits_header_bytes,
            header_time=self.limits_header_time,
            body_time=self.limits_body_time,
            idle_time=self.limits_idle_time,
            answer_time=self.limits_answer_time,
        )
