"""A private MongoDB server, with its own port and data: a replica set of one, or one member of several.

The program is the `mongod` that a package of the development dependencies carries, or one on PATH. It listens on
loopback only. Replica sets are what Signalpost needs: majority writes that outlive a crash.
"""

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.program import Server
from deploy.local.programs import mongod
from deploy.local.run_directory import RunDirectory

_NOT_INITIALISED = 94  # NotYetInitialized: a new member that was not told its replica set yet
_ALREADY_INITIALISED = 23
_NODE_NOT_FOUND = 74  # another member does not listen yet


class MongoDB(Server):
    """A member of the replica set of the one it `joins`, or the first of a set of its own.

    The first makes the set when all members run: they start together, and none is ready without the others.
    """

    port_names = ("mongodb",)

    def __init__(self, directory: RunDirectory, name: str = "mongodb", *, joins: "MongoDB | None" = None) -> None:
        super().__init__(directory, name)
        self.members: list[MongoDB] = joins.members if joins else []
        self.members.append(self)
        # Drawn anew: a driver refuses another server on this port, because it is not of this set.
        self.replica_set: str = joins.replica_set if joins else f"signalpost-{secrets.token_hex(4)}"

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port('mongodb')}"

    @property
    def url(self) -> str:
        """The connection string of the replica set, with all its members."""
        return f"mongodb://{','.join(member.address for member in self.members)}/?replicaSet={self.replica_set}"

    async def ready(self) -> bool:
        """Whether it accepts writes or follows a primary that does; the first member creates a new replica set."""
        return await asyncio.to_thread(self._plays_its_part)

    async def is_primary(self) -> bool:
        """Whether it accepts writes."""
        return await asyncio.to_thread(lambda: bool((self._hello() or {}).get("isWritablePrimary")))

    async def step_down(self, *, seconds: int) -> None:
        """Make the primary step down, and not stand for election for `seconds`."""

        def step_down() -> None:
            with self._client() as client:
                client.admin.command({"replSetStepDown": seconds, "force": True})

        await asyncio.to_thread(step_down)

    def _client(self) -> MongoClient[dict[str, Any]]:
        """A connection to this member alone.

        Not an AsyncMongoClient: one that is closed while it still connects in the background leaves its socket open
        (PyMongo 4.20), and here clients come and go while the server starts.
        """
        return MongoClient(self.address, directConnection=True, serverSelectionTimeoutMS=2000, socketTimeoutMS=5000)

    def _plays_its_part(self) -> bool:
        hello = self._hello()
        if hello is None or hello["setName"] != self.replica_set:
            return False
        follows = hello["secondary"] and hello.get("primary") not in (None, self.address)
        return bool(hello["isWritablePrimary"] or follows)

    def _hello(self) -> dict[str, Any] | None:
        """What it says of itself; None while it says nothing, or has no replica set yet."""
        with self._client() as client:
            try:
                client.admin.command("replSetGetStatus")
                return client.admin.command("hello")
            except OperationFailure as error:
                if error.code == _NOT_INITIALISED and self is self.members[0]:
                    self._initiate(client)
            except PyMongoError:
                pass
        return None

    def _initiate(self, client: MongoClient[dict[str, Any]]) -> None:
        members = [{"_id": number, "host": member.address} for number, member in enumerate(self.members)]
        try:
            client.admin.command("replSetInitiate", {"_id": self.replica_set, "members": members})
        except OperationFailure as error:
            if error.code not in (_ALREADY_INITIALISED, _NODE_NOT_FOUND):
                raise

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        argv = [
            *(str(mongod()), "--quiet", "--dbpath", str(self.data)),
            *("--bind_ip", "127.0.0.1", "--port", str(self.port("mongodb")), "--nounixsocket"),
            *("--replSet", self.replica_set, "--oplogSize", "256", "--wiredTigerCacheSizeGB", "0.5"),
        ]
        return argv, {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.data)}
