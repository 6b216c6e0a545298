"""SMTP servers for the mailer's tests: one that follows a script, and aiosmtpd with a count of its sessions.

Both listen on a free port of the loopback interface and run in the test's own event loop.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from signalpost.transport import abort

DROP = "drop"
"""An answer that isn't one: the server closes the connection."""
HANG = "hang"
"""An answer that never comes."""
CLOSE_AFTER = "|close"
"""At the end of an answer: the server closes the connection once it has given it."""

_USUAL = {
    "greeting": "220 script ESMTP",
    "EHLO": "250-script\r\n250 SIZE 1000000",
    "DATA": "354 go on",
    ".": "250 taken",
    "QUIT": "221 bye",
}


@dataclass
class ScriptedServer:
    """Answers each verb ("greeting" and "." for the payload too) by its list, the last entry of which repeats."""

    answers: Mapping[str, Sequence[str]]
    commands: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    sessions: int = 0
    port: int = 0
    _given: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def count(self, verb: str) -> int:
        """How often a command came."""
        return sum(command.split()[0] == verb for command in self.commands)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.sessions += 1
        try:
            if await self._answer("greeting", writer):
                await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            self._tasks.discard(task)
            writer.close()

    async def stop(self) -> None:
        """End every session, also those that hang."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            command = line.decode().strip()
            verb = command.split()[0].upper()
            self.commands.append(command)
            if not await self._answer(verb, writer):
                return
            if verb == "DATA" and self._last("DATA").startswith("354"):
                self.payloads.append(await reader.readuntil(b"\r\n.\r\n"))
                if not await self._answer(".", writer):
                    return
            if verb == "QUIT":
                return

    def _last(self, verb: str) -> str:
        script = self.answers.get(verb) or [_USUAL.get(verb, "250 OK")]
        return script[min(self._given[verb], len(script)) - 1]

    async def _answer(self, verb: str, writer: asyncio.StreamWriter) -> bool:
        self._given[verb] += 1
        answer = self._last(verb)
        if answer == DROP:
            return False
        if answer == HANG:
            await asyncio.Event().wait()
        text = answer.removesuffix(CLOSE_AFTER)
        writer.write(text.encode("utf-8", "surrogateescape") + b"\r\n")
        await writer.drain()
        return text == answer


@asynccontextmanager
async def scripted(**answers: str | Sequence[str]) -> AsyncIterator[ScriptedServer]:
    """A scripted server; `final` stands for the answer to the payload."""
    script = {
        {"final": "."}.get(verb, verb): [given] if isinstance(given, str) else given
        for verb, given in answers.items()
    }
    state = ScriptedServer(answers=script)
    server = await asyncio.start_server(state.serve, "127.0.0.1", 0)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        await state.stop()


@dataclass
class Mailbox:
    """What an aiosmtpd server took, and how many sessions it had at once. Also its handler: override to misbehave."""

    mails: list[Envelope] = field(default_factory=list)
    sessions: int = 0
    open_now: int = 0
    most_at_once: int = 0
    port: int = 0
    transports: set[asyncio.Transport] = field(default_factory=set)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the mail."""
        self.mails.append(envelope)
        return "250 taken"

    def opened(self, transport: asyncio.Transport) -> None:
        """A session began."""
        self.sessions += 1
        self.open_now += 1
        self.most_at_once = max(self.most_at_once, self.open_now)
        self.transports.add(transport)

    def closed(self) -> None:
        """A session ended."""
        self.open_now -= 1


AnyMailbox = TypeVar("AnyMailbox", bound=Mailbox)


class _CountedSmtp(SMTP):
    _counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if not self._counted:  # called again after STARTTLS
            self._counted = True
            self.event_handler.opened(cast("asyncio.Transport", transport))  # uvloop's is no subclass of it

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.event_handler.closed()


@asynccontextmanager
async def smtpd(
    mailbox: AnyMailbox, *, port: int = 0, implicit_tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[AnyMailbox]:
    """A real aiosmtpd; `options` are those of its SMTP class."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _CountedSmtp(mailbox, loop=loop, hostname="mx.test", **options),
        "127.0.0.1",
        port,
        ssl=implicit_tls,
    )
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        for transport in mailbox.transports:
            abort(transport)
        mailbox.transports.clear()
