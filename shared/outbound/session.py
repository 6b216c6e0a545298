"""The aiohttp session that carries the outbound policy to the address really dialled.

Knows nothing of webhooks. Why the check sits where sockets are opened: aiohttp does not ask the resolver for IP
literals, and what a name resolved to a moment ago proves nothing about now (DNS rebinding). Every dial of aiohttp
goes through `socket_factory`, each address of a happy-eyeballs race included. A pooled connection was checked when
it was dialled, and is only used again for the same scheme, host and port.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import aiohttp
from aiohttp.abc import AbstractResolver

from shared.outbound.policy import OutboundPolicy
from shared.outbound.resolver import GuardedResolver, SystemResolver

KEEPALIVE_SECONDS = 4.0
"""Common servers drop idle connections after 5 s; a POST on a connection that is just being dropped fails."""
DNS_CACHE_SECONDS = 10
"""Saves a lookup per connection under load. Cached addresses are checked again when dialled, like fresh ones."""
READ_BUFFER_BYTES = 16 * 1024

OutboundSession = aiohttp.ClientSession
"""What `outbound_session` returns."""

_requested_host: ContextVar[str] = ContextVar("requested_host")
"""The host of the request that the current task, or a connect task it started, dials for."""

AddrInfo = tuple[
    int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]
]


def outbound_session(
    policy: OutboundPolicy,
    *,
    connect_timeout: float,
    resolver: AbstractResolver | None = None,
    ssl_context: ssl.SSLContext | None = None,
) -> aiohttp.ClientSession:
    """Return a session that can only reach what the policy allows; close it as any other.

    It ignores proxies and netrc of the environment, keeps no cookies, expands no compressed answer and opens any
    number of connections: bounding the requests in flight, in total and for each endpoint, is the caller's.

    Args:
        policy: what may be dialled.
        connect_timeout: seconds for name lookup, TCP and TLS together. The whole exchange is bounded by
            `post_bounded`.
        resolver: instead of the operating system's.
        ssl_context: instead of the operating system's certificate authorities.
    """
    connector = aiohttp.TCPConnector(
        limit=0,
        resolver=GuardedResolver(policy, resolver or SystemResolver()),
        ttl_dns_cache=DNS_CACHE_SECONDS,
        socket_factory=guarded_socket_factory(policy),
        keepalive_timeout=KEEPALIVE_SECONDS,
        ssl=ssl_context or True,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, connect=connect_timeout),
        headers={"Accept-Encoding": "identity"},
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        read_bufsize=READ_BUFFER_BYTES,
    )


def guarded_socket_factory(policy: OutboundPolicy) -> Callable[[AddrInfo], socket.socket]:
    """Return a socket factory that raises AddressRefused instead of opening a socket for a refused address.

    An address that is refused in general may be dialled for a host that the operator allows, and for that host
    only; where no host is known, the strict rule holds.
    """

    def open_socket(addr_info: AddrInfo) -> socket.socket:
        family, kind, protocol, _, address = addr_info
        if not policy.allows_host(_requested_host.get("")):
            policy.check_address(address[0])
        return socket.socket(family, kind, protocol)

    return open_socket


@contextmanager
def dialling_for(host: str) -> Iterator[None]:
    """Name the host that requests in this block are for; without it, or for another one, the strict rule holds."""
    token = _requested_host.set(host)
    try:
        yield
    finally:
        _requested_host.reset(token)
