"""The whole local stack: RabbitMQ, MongoDB and an SMTP inbox that are ours alone, or those named from outside.

    async with Stack("demo") as stack:
        environment = stack.environment()

Its files live in a folder of its own under `.stack/`, which goes with it. `AMQP_URL`, `MONGODB_URL` and
`NOTIFICATION_SMTP_HOST` win: what they name is used, and neither started nor stopped here.
"""

import asyncio
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from deploy.local.inbox import Inbox
from deploy.local.mongodb import MongoDB
from deploy.local.program import Server, start_together
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.run_directory import RunDirectory

_DEFAULT_SMTP_PORT = "1025"


class Stack:
    """Starts the servers that `environ` (by default the process's) does not name, and ends them with the block.

    A server named from outside has no handle: `rabbitmq`, `mongodb` or `inbox` is then None.
    """

    def __init__(self, kind: str = "stack", environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self.directory = RunDirectory.create(kind)
        self.rabbitmq = None if self._environ.get("AMQP_URL") else RabbitMQ(self.directory)
        self.mongodb = None if self._environ.get("MONGODB_URL") else MongoDB(self.directory)
        self.inbox = None if self._environ.get("NOTIFICATION_SMTP_HOST") else Inbox(self.directory)

    @property
    def servers(self) -> list[Server]:
        """The servers that are ours."""
        return [server for server in (self.rabbitmq, self.mongodb, self.inbox) if server is not None]

    def environment(self) -> dict[str, str]:
        """The settings by which Signalpost finds the servers, once they have started."""
        outside = self._environ
        if self.inbox:
            smtp = (self.inbox.host, str(self.inbox.smtp_port))
        else:
            smtp = (outside["NOTIFICATION_SMTP_HOST"], outside.get("NOTIFICATION_SMTP_PORT", _DEFAULT_SMTP_PORT))
        return {
            "AMQP_URL": self.rabbitmq.amqp_url() if self.rabbitmq else outside["AMQP_URL"],
            "MONGODB_URL": self.mongodb.url if self.mongodb else outside["MONGODB_URL"],
            "NOTIFICATION_SMTP_HOST": smtp[0],
            "NOTIFICATION_SMTP_PORT": smtp[1],
        }

    async def __aenter__(self) -> Self:
        """Start all servers concurrently and return when all of them answer."""
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the servers and delete their data."""
        await self._end()

    async def _start(self) -> None:
        await start_together(self.servers)

    async def _end(self) -> None:
        await asyncio.gather(*(server.close() for server in self.servers))
        self.directory.delete()
