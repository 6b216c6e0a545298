"""A private RabbitMQ node with the management plugin: its own epmd, cookie, user, ports and data; or several, in a
cluster, that share the first three.

Everything is given to the node explicitly, so that neither /etc/rabbitmq nor a node that runs on this machine plays
a part, and any user can run it. It listens on loopback only. The configuration holds for RabbitMQ 3.10 to 4.x.
"""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import aiohttp

from deploy.local.process import StackError, wait_until
from deploy.local.program import Program, Server, connects
from deploy.local.programs import rabbitmq_sbin
from deploy.local.run_directory import RunDirectory

_HANDSHAKE = b"AMQP\x00\x00\x09\x01"  # protocol header, AMQP 0-9-1 section 4.2.2
_METHOD_FRAME = b"\x01"  # what a broker that is up answers with: a frame with Connection.Start
_PLUGINS = "[rabbitmq_management,rabbitmq_prometheus]."
_CTL_TIMEOUT = 180.0  # seconds; it starts an Erlang VM of its own, which takes its time on a crowded machine
_CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = {prometheus}
default_user = {username}
default_pass = {password}
# a laptop's disk may be nearly full, and its memory small: RabbitMQ sets 512 MiB aside for each log of its own accord
disk_free_limit.absolute = 50MB
raft.wal_max_size_bytes = 67108864
log.console = true
log.console.level = info
"""
_CLUSTER_CONFIG = """\
cluster_formation.peer_discovery_backend = classic_config
{nodes}
# a node that loses contact with the majority pauses, and restarts when it is back in contact
cluster_partition_handling = pause_minority
"""

_NO_BUSY_WAIT = "+sbwt none +sbwtdcpu none +sbwtdio none"
"""Erlang's schedulers spin for a while before they sleep, which takes from the other servers on the same machine.
Source: RabbitMQ documentation, "Runtime Tuning", thread busy waiting."""


class Epmd(Program):
    """The port mapper by which Erlang nodes find each other: one of our own, never the machine's."""

    port_names = ("epmd",)

    async def ready(self) -> bool:
        """Whether it accepts connections."""
        return await connects(self.port("epmd"))

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        port = str(self.port("epmd"))
        return ["epmd", "-port", port, "-address", "127.0.0.1"], {"PATH": os.environ["PATH"]}


class RabbitMQ(Server):
    """One node, alone, or in the cluster of the one it `joins`, which must have started before it does.

    Any node of a cluster speaks for all of it: `amqp_url` names them all, `management` asks another if it is down.
    A node that has joined can't be wiped: the others would not know it again.
    """

    port_names = ("amqp", "management", "prometheus", "distribution")
    username = "signalpost"

    def __init__(self, directory: RunDirectory, name: str = "rabbitmq", *, joins: "RabbitMQ | None" = None) -> None:
        super().__init__(directory, name)
        self._mark = directory.mark
        self.cluster: list[RabbitMQ] = joins.cluster if joins else []
        self.cluster.append(self)
        # Drawn anew for each cluster: who can log in is sure to talk to a node of it and not to another's port.
        self.password: str = joins.password if joins else secrets.token_hex(8)
        self._epmd: Epmd = joins._epmd if joins else Epmd(directory, f"{name}-epmd")
        self._cookie: str = joins._cookie if joins else secrets.token_hex(16)

    def amqp_url(self, vhost: str = "/") -> str:
        """The AMQP URL of a virtual host of this node; of a cluster those of all nodes, separated by commas."""
        path = quote(vhost, safe="")
        login = f"{self.username}:{self.password}"
        return ",".join(f"amqp://{login}@127.0.0.1:{node.port('amqp')}/{path}" for node in self.cluster)

    @property
    def node(self) -> str:
        """Its Erlang node name, by which the management API tells the nodes of a cluster apart."""
        return f"{self.name}@localhost"

    @property
    def management_url(self) -> str:
        """Where the management UI and its HTTP API answer, without a slash at the end."""
        return f"http://127.0.0.1:{self.port('management')}"

    async def management(self, method: str, path: str, json: object = None) -> Any:
        """Call the management API (`path` from `/api/` on) and return the decoded answer, None for an empty one.

        Raises aiohttp.ClientError, for any status from 400 on too.
        """
        for node in sorted(self.cluster, key=lambda node: node is not self):
            if node.running:
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    return await node._call(method, path, json)
        raise aiohttp.ClientConnectionError(f"{self.name} does not answer, nor does any node of its cluster")

    async def _call(self, method: str, path: str, json: object = None) -> Any:
        auth = aiohttp.encode_basic_auth(self.username, self.password)
        timeout = aiohttp.ClientTimeout(total=30)
        async with (
            aiohttp.ClientSession(headers={"Authorization": auth}, timeout=timeout) as session,
            session.request(method, self.management_url + path, json=json, raise_for_status=True) as answer,
        ):
            return await answer.json() if await answer.read() else None

    async def create_vhost(self, name: str) -> str:
        """Make a virtual host with all rights for our user and return its AMQP URL."""
        vhost = quote(name, safe="")
        await self.management("PUT", f"/api/vhosts/{vhost}")
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        await self.management("PUT", f"/api/permissions/{vhost}/{self.username}", json=everything)
        return self.amqp_url(name)

    async def delete_vhost(self, name: str) -> None:
        """Remove a virtual host with all its queues."""
        await self.management("DELETE", f"/api/vhosts/{quote(name, safe='')}")

    async def settle(self) -> None:
        """Wait until all quorum queues declared so far would outlive a kill.

        RabbitMQ writes its register of them to disk up to a second late (seen on 3.10.8). Killed before that, a node
        comes back with the queue empty, confirmed messages and all, and without a leader. Real crashes can meet this
        too; tests of what happens after the declaration must not.
        """
        queues = await self.management("GET", "/api/queues?columns=name,vhost,type")
        names = [f"{queue['vhost']}_{queue['name']}" for queue in queues if queue["type"] == "quorum"]
        registered = [name.replace("/", "%2F").encode() for name in names]
        registers = [node.data / "mnesia" / node.node / "quorum" / node.node / "names.dets" for node in self.cluster]

        async def written() -> bool:
            on_disk = [register.read_bytes() for register in registers]
            return all(name in register for name in registered for register in on_disk)

        await wait_until(written, within=30, what=f"{self.name} has written down its queues")

    async def close_connection(self, name: str) -> None:
        """Close a client's connection, as an operator can in the management UI."""
        await self.management("DELETE", f"/api/connections/{quote(name, safe='')}")

    async def ctl(self, *arguments: str) -> None:
        """Run `rabbitmqctl` against this node.

        Raises StackError with what it said if it fails, or does not end.
        """
        await self.tool("rabbitmqctl", "--node", self.node, *arguments)

    async def tool(self, name: str, *arguments: str) -> str:
        """Run one of RabbitMQ's tools with this node's epmd, cookie and folders, and return what it prints.

        Without them even `help` starts an epmd for the whole machine, and leaves it behind.

        Raises StackError with what it said if it fails, or does not end.
        """
        process = await asyncio.create_subprocess_exec(
            *(str(rabbitmq_sbin() / name), *arguments),
            env={**self._environment(), **self._mark},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), _CTL_TIMEOUT)
        except TimeoutError:
            process.kill()
            raise StackError(f"{name} {' '.join(arguments)}: not done within {_CTL_TIMEOUT:g} s") from None
        said = output.decode(errors="replace")
        if process.returncode:
            raise StackError(f"{name} {' '.join(arguments)}: {said}")
        return said

    async def start(self) -> None:
        """Start the node, and its epmd first."""
        if not self._epmd.running:
            await self._epmd.start()
        await super().start()
        if len(self.cluster) > 1:
            # It answers a moment before its start is over, and a virtual host made in between is never ready on it.
            await self.ctl("await_startup")

    async def close(self) -> None:
        """End the node for good, and the epmd with the first."""
        await super().close()
        if self is self.cluster[0]:
            await self._epmd.close()

    async def ready(self) -> bool:
        """Whether AMQP and the management API both answer, the latter to our password."""
        if not await connects(self.port("amqp"), send=_HANDSHAKE, expect=_METHOD_FRAME):
            return False
        try:
            await asyncio.wait_for(self._call("GET", "/api/overview"), timeout=5)
        except (aiohttp.ClientError, TimeoutError):
            return False
        return True

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        config = _CONFIG.format(username=self.username, password=self.password, **self._ports)
        if len(self.cluster) > 1:
            peers = dict.fromkeys((self.cluster[0].node, self.node))  # RabbitMQ 4 does not start with one named twice
            nodes = (f"cluster_formation.classic_config.nodes.{n} = {peer}" for n, peer in enumerate(peers, start=1))
            config += _CLUSTER_CONFIG.format(nodes="\n".join(nodes))
        files = {"rabbitmq.conf": config, "enabled_plugins": _PLUGINS, "advanced.config": "[].", "env.conf": ""}
        for name, text in files.items():
            (self.data / name).write_text(text)
        cookie = self.data / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(self._cookie)
            cookie.chmod(0o400)
        return [str(rabbitmq_sbin() / "rabbitmq-server")], self._environment()

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.data),  # holds the cookie
            "ERL_EPMD_PORT": str(self._epmd.port("epmd")),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # The start script then becomes the Erlang VM instead of waiting for it: signals reach the VM itself.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(self.port("distribution")),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel inet_dist_use_interface {{127,0,0,1}} {_NO_BUSY_WAIT}",
            "RABBITMQ_MNESIA_BASE": str(self.data / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.data / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(self.data / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self.data / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.data / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.data / "env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.data / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.data / "generated"),
            "RABBITMQ_SCHEMA_DIR": str(self.data / "schema"),
        }
