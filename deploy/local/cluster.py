"""The local stack as production runs it: a cluster of three RabbitMQ nodes, a replica set of three MongoDB members.

    async with ClusterStack("chaos") as stack:
        await (await stack.leader(vhost, "events.to_dispatch")).kill()

It is a `Stack`, so what runs on one runs on the other: `rabbitmq` and `mongodb` are the first of the three, and their
URLs name all. Servers from outside have no place here.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp

from deploy.local.mongodb import MongoDB
from deploy.local.process import StackError, wait_until
from deploy.local.program import Server, start_together
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.stack import Stack

SIZE = 3
_ELECTED_WITHIN = 60.0  # seconds
_WHOLE_WITHIN = 120.0  # seconds in which a node that came back must have caught up

_Leading = TypeVar("_Leading")


class ClusterStack(Stack):
    """Starts the clusters and an SMTP inbox, and ends them with the block."""

    rabbitmq: RabbitMQ
    mongodb: MongoDB

    def __init__(self, kind: str = "cluster") -> None:
        super().__init__(kind, environ={})
        others = range(2, SIZE + 1)
        self.nodes = [
            self.rabbitmq,
            *(RabbitMQ(self.directory, f"rabbitmq-{n}", joins=self.rabbitmq) for n in others),
        ]
        self.members = [
            self.mongodb,
            *(MongoDB(self.directory, f"mongodb-{n}", joins=self.mongodb) for n in others),
        ]

    @property
    def servers(self) -> list[Server]:
        """All servers, the node that the others join first."""
        return [*self.nodes, *self.members, *([self.inbox] if self.inbox else [])]

    async def leader(self, vhost: str, queue: str) -> RabbitMQ:
        """The node that leads a quorum queue, as the management API knows it: some seconds late.

        Waits while none does; TimeoutError if none does for long.
        """
        path = f"/api/queues/{quote(vhost, safe='')}/{quote(queue, safe='')}"

        async def leader() -> RabbitMQ | None:
            known = await self._ask(path) or {}
            return next((node for node in self.nodes if node.node == known.get("leader")), None)

        return await _elected(leader, what=f"queue {queue} has a leader")

    async def primary(self) -> MongoDB:
        """Return the member that accepts writes; wait for one, and raise TimeoutError if that takes too long."""

        async def primary() -> MongoDB | None:
            for member in self.members:
                if await member.is_primary():
                    return member
            return None

        return await _elected(primary, what="the replica set has a primary")

    async def heal(self) -> None:
        """Wait until every queue has all its members online and a leader, and every MongoDB member plays its part.

        Only then may the next server fail: with a second one away there is no majority, and nothing moves.
        Raises StackError, with what is missing, if that takes too long.
        """
        missing: list[str] = []

        async def whole() -> bool:
            missing[:] = await self._missing()
            return not missing

        try:
            await wait_until(whole, within=_WHOLE_WITHIN, what="the clusters are whole", step=0.5)
        except TimeoutError as error:
            raise StackError(f"{error}: {'; '.join(missing)}") from error

    async def _missing(self) -> list[str]:
        """What keeps the clusters from being whole."""
        if unready := [server.name for server in self.servers if not await server.ready()]:
            return [f"not ready: {', '.join(unready)}"]
        queues = await self._ask("/api/queues?columns=name,type,leader,members,online")
        if queues is None:
            return ["the management API does not answer"]
        return [str(queue) for queue in queues if queue["type"] == "quorum" and not self._is_whole(queue)]

    def _is_whole(self, queue: dict[str, Any]) -> bool:
        names = {node.node for node in self.nodes}
        return set(queue.get("members", ())) == set(queue.get("online", ())) == names and queue.get("leader") in names

    async def _ask(self, path: str) -> Any:
        """What the management API answers; None while it can't: one of the nodes that it asks may just have gone."""
        try:
            return await self.rabbitmq.management("GET", path)
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def _start(self) -> None:
        joining = self.nodes[1:]
        await start_together([server for server in self.servers if server not in joining])
        await start_together(joining)


async def _elected(look: Callable[[], Awaitable[_Leading | None]], *, what: str) -> _Leading:
    found: list[_Leading] = []

    async def elected() -> bool:
        found.extend(leading for leading in [await look()] if leading is not None)
        return bool(found)

    await wait_until(elected, within=_ELECTED_WITHIN, what=what, step=0.2)
    return found[0]
