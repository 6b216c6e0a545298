"""Resolves names for outgoing requests: one refused address refuses the whole name.

The policy decides which addresses are refused. This check gives early, clear answers; the address that is really
dialled is checked again when the socket is opened (`shared/outbound/session.py`).
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from shared.outbound.policy import PRIVATE_ADDRESS_REASON, AddressRefused, OutboundPolicy, UrlRefusal, UrlRefused

LOOKUPS_AT_ONCE = 64
"""A dead name server holds a thread for 10 s and more. The loop's default pool has six threads on a small machine:
six endpoints with such names would stop every other delivery."""
FREE_THREAD_SECONDS = 0.5
"""How long a lookup waits for a thread. It must be shorter than the connect timeout, or a lack of threads would look
like a silent name server or receiver."""
CREATION_LOOKUP_SECONDS = 3.0


class LookupsExhausted(OSError):
    """A lookup could not start because every thread waits for a name server. It is not this name's fault."""


class SystemResolver(AbstractResolver):
    """The operating system's resolver (hosts file, search domains and all), in threads of its own.

    It need not be closed: its idle threads end when it is no longer referenced.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="outbound-dns")
        self._free = asyncio.Semaphore(LOOKUPS_AT_ONCE)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name; raise OSError if it has none, LookupsExhausted if no thread was free."""

        def look_up() -> list[ResolveResult]:
            found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
            return [
                ResolveResult(
                    hostname=host, host=str(sockaddr[0]), port=port, family=family, proto=proto, flags=_NUMERIC
                )
                for family, _, proto, _, sockaddr in found
            ]

        try:
            async with asyncio.timeout(FREE_THREAD_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise LookupsExhausted from None
        looking = asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        looking.add_done_callback(self._ended)
        return await asyncio.shield(looking)  # a cancelled caller still leaves the thread occupied

    def _ended(self, looking: "asyncio.Future[list[ResolveResult]]") -> None:
        self._free.release()
        if not looking.cancelled():
            looking.exception()  # marks it as retrieved, even if the caller is gone

    async def close(self) -> None:
        """Let the threads end after their current lookups."""
        self._threads.shutdown(wait=False, cancel_futures=True)


_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class GuardedResolver(AbstractResolver):
    """A resolver that refuses a name if any of its addresses is refused.

    Otherwise a name with a public and a private address would pass whenever the public one is tried first.
    """

    def __init__(self, policy: OutboundPolicy, resolver: AbstractResolver) -> None:
        self._policy = policy
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name; raise AddressRefused for a refused one, OSError when there are none."""
        found = await self._resolver.resolve(host, port, family)
        if not self._policy.allows_host(host):
            for result in found:
                self._policy.check_address(result["host"])
        return found

    async def close(self) -> None:
        """Close the resolver behind this one."""
        await self._resolver.close()


async def resolve_and_check(policy: OutboundPolicy, url: str, *, resolver: AbstractResolver) -> URL:
    """Check a URL when a webhook is created: its text, and what its host resolves to now.

    A name that does not resolve within three seconds is accepted: its DNS may be set up later, and every connect
    checks again.

    Raises:
        UrlRefused: the policy forbids the text, or an address of the host.
    """
    parsed = policy.check_url(url)
    try:
        async with asyncio.timeout(CREATION_LOOKUP_SECONDS):
            await GuardedResolver(policy, resolver).resolve(parsed.raw_host or "")
    except AddressRefused:
        raise UrlRefused(UrlRefusal.PRIVATE_ADDRESS, PRIVATE_ADDRESS_REASON) from None
    except OSError:  # also TimeoutError
        pass
    return parsed
