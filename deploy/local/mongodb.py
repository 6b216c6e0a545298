"""A private MongoDB server as a one-node replica set, with its own port and data.

The program is the `mongod` that a package of the development dependencies carries, or one on PATH. It listens on
loopback only. Replica sets are what Signalpost needs: majority writes that outlive a crash.
"""

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.program import Server
from deploy.local.programs import mongod
from deploy.local.run_directory import RunDirectory

_NOT_INITIALISED = 94  # NotYetInitialized: a new member that was not told its replica set yet
_ALREADY_INITIALISED = 23


class MongoDB(Server):
    """One member, by itself a whole replica set."""

    port_names = ("mongodb",)

    def __init__(self, directory: RunDirectory, name: str = "mongodb", *, replica_set: str | None = None) -> None:
        super().__init__(directory, name)
        # Drawn anew: a driver refuses another server on this port, because it is not of this set.
        self.replica_set = replica_set or f"signalpost-{secrets.token_hex(4)}"

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port('mongodb')}"

    @property
    def url(self) -> str:
        """The connection string of the replica set."""
        return f"mongodb://{self.address}/?replicaSet={self.replica_set}"

    async def ready(self) -> bool:
        """Whether it is the primary and takes writes; makes the replica set if it is new."""
        return await asyncio.to_thread(self._is_primary)

    async def step_down(self, *, seconds: int) -> None:
        """Make the primary step down, and not stand for election for so many seconds."""

        def step_down() -> None:
            with self._client() as client:
                client.admin.command({"replSetStepDown": seconds, "force": True})

        await asyncio.to_thread(step_down)

    def _client(self) -> MongoClient[dict[str, object]]:
        """A connection to this member alone.

        Not an AsyncMongoClient: one that is closed while it still connects in the background leaves its socket open
        (PyMongo 4.20), and here clients come and go while the server starts.
        """
        return MongoClient(self.address, directConnection=True, serverSelectionTimeoutMS=2000, socketTimeoutMS=5000)

    def _is_primary(self) -> bool:
        with self._client() as client:
            try:
                client.admin.command("replSetGetStatus")
                hello = client.admin.command("hello")
            except OperationFailure as error:
                if error.code == _NOT_INITIALISED:
                    self._initiate(client)
                return False
            except PyMongoError:
                return False
            return bool(hello["isWritablePrimary"]) and hello["setName"] == self.replica_set

    def _initiate(self, client: MongoClient[dict[str, object]]) -> None:
        members = [{"_id": 0, "host": self.address}]
        try:
            client.admin.command("replSetInitiate", {"_id": self.replica_set, "members": members})
        except OperationFailure as error:
            if error.code != _ALREADY_INITIALISED:
                raise

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        argv = [
            *(str(mongod()), "--quiet", "--dbpath", str(self.data)),
            *("--bind_ip", "127.0.0.1", "--port", str(self.port("mongodb")), "--nounixsocket"),
            *("--replSet", self.replica_set, "--oplogSize", "256", "--wiredTigerCacheSizeGB", "0.5"),
        ]
        return argv, {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.data)}
