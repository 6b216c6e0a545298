"""The aiohttp session that applies the outbound policy to every address it dials.

It knows nothing of webhooks. The check is where sockets are opened, because aiohttp does not ask the resolver about
IP literals, and because a name may resolve differently a moment later (DNS rebinding). Every dial of aiohttp uses
`socket_factory`, including each address of a happy-eyeballs race. A pooled connection was checked when it was
dialled, and is reused only for the same scheme, host and port.
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
"""Common servers close idle connections after 5 s, and a POST on a connection that is being closed fails."""
DNS_CACHE_SECONDS = 10
"""Saves a lookup per connection under load. Cached addresses are checked again when dialled, like fresh ones."""
READ_BUFFER_BYTES = 16 * 1024

OutboundSession = aiohttp.ClientSession
"""What `outbound_session` returns."""

_requested_host: ContextVar[str] = ContextVar("requested_host")
"""The host that the current task, or a connect task it started, dials for."""

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
    """Return a session that can reach only what the policy allows; close it like any other.

    It ignores the environment's proxies and netrc, keeps no cookies and does not decompress answers. It opens any
    number of connections: the caller limits the requests in flight.

    Args:
        policy: what may be dialled.
        connect_timeout: seconds for name lookup, TCP and TLS together; `post_bounded` limits the whole exchange.
        resolver: replaces the operating system's.
        ssl_context: replaces the operating system's certificate authorities.
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

    A refused address may be dialled for a host that the operator allows, and for that host only; if no host is
    known, the strict rule applies.
    """

    def open_socket(addr_info: AddrInfo) -> socket.socket:
        family, kind, protocol, _, address = addr_info
        if not policy.allows_host(_requested_host.get("")):
            policy.check_address(address[0])
        return socket.socket(family, kind, protocol)

    return open_socket


@contextmanager
def dialling_for(host: str) -> Iterator[None]:
    """Set the host that requests in this block are for; without it, or for another host, the strict rule applies."""
    token = _requested_host.set(host)
    try:
        yield
    finally:
        _requested_host.reset(token)
