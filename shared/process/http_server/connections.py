"""Who is connected to an HTTP server, bounded in all and for each client.

At a bound the newcomer is let in and the connection that has kept us waiting longest is closed: first those that have
never sent a whole request. So a client that opens connections and says nothing only displaces its own. A connection
whose request is being answered is never closed for another.
"""

import asyncio
import ipaddress
from collections.abc import Iterator
from typing import Protocol

from shared.process.http_server.limits import HttpLimits


class Connection(Protocol):
    """What is counted here."""

    def check(self, now: float) -> None:
        """End where the client takes too long."""
        ...

    def displace(self) -> None:
        """End at once: somebody else needs the place."""
        ...

    def shutdown(self) -> None:
        """End after the answer that is under way."""
        ...

    def abort(self) -> None:
        """End at once."""
        ...


class Client:
    """The connections of one client."""

    def __init__(self) -> None:
        self.count = 0
        self._strangers: dict[Connection, None] = {}
        self._known: dict[Connection, None] = {}

    def waits_for(self, connection: Connection, *, known: bool) -> None:
        """Note that it is the client's turn on this connection; `known` once it has sent a whole request."""
        (self._known if known else self._strangers)[connection] = None

    def works_for(self, connection: Connection) -> None:
        """Note that it is our turn on this connection."""
        if connection in self._known:
            del self._known[connection]
        else:
            self._strangers.pop(connection, None)

    def longest_waiting(self) -> Connection | None:
        """Return the connection to close for another one; None if we owe an answer on all."""
        return next(iter(self._strangers), None) or next(iter(self._known), None)


class Connections:
    """All connections of a server."""

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._clients: dict[str, Client] = {}
        self._of: dict[Connection, str] = {}
        self.closing = False
        """Whether nobody is let in any more."""
        self._emptied = asyncio.Event()
        self._emptied.set()

    def __iter__(self) -> Iterator[Connection]:
        """Iterate over a snapshot: connections come and go meanwhile."""
        return iter(list(self._of))

    def enter(self, connection: Connection, host: str) -> Client | None:
        """Count a new connection, in the place of another one if need be; None if there is no place."""
        if self.closing:
            return None
        name = client_of(host)
        client = self._clients.get(name)
        if client and client.count >= self._limits.connections_per_client and not self._make_room(client):
            return None
        if len(self._of) >= self._limits.connections and not self._make_room(self._largest()):
            return None
        client = self._clients.setdefault(name, Client())
        client.count += 1
        self._of[connection] = name
        self._emptied.clear()
        return client

    def leave(self, connection: Connection) -> None:
        """Forget a connection; once is enough."""
        name = self._of.pop(connection, None)
        if name is None:
            return
        client = self._clients[name]
        client.works_for(connection)
        client.count -= 1
        if not client.count:
            del self._clients[name]
        if not self._of:
            self._emptied.set()

    async def all_left(self) -> None:
        """Wait until nobody is connected."""
        await self._emptied.wait()

    def _largest(self) -> Client:
        return max(self._clients.values(), key=lambda client: client.count)

    def _make_room(self, client: Client) -> bool:
        victim = client.longest_waiting()
        if victim is None:
            return False
        self.leave(victim)
        victim.displace()
        return True


def client_of(host: str) -> str:
    """Return whom an address belongs to: with IPv6 a whole network of 64 bits is one client's."""
    if ":" not in host:
        return host
    address = ipaddress.IPv6Address(host.partition("%")[0])
    return str(address.ipv4_mapped or ipaddress.IPv6Network((address, 64), strict=False))
