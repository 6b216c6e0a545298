"""The SMTP inbox of the stack as a server that can be stopped, killed and paused; its mails outlive that.

Its page and API (`url`) are described in `inbox_server.py`.
"""

import asyncio
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.program import Server, connects
from deploy.local.run_directory import RunDirectory

_REPOSITORY = Path(__file__).resolve().parents[2]


class Inbox(Server):
    """Takes every mail on `host`:`smtp_port`, without TLS and login."""

    port_names = ("smtp", "http")
    host = "127.0.0.1"

    def __init__(self, directory: RunDirectory, name: str = "inbox") -> None:
        super().__init__(directory, name)
        self._hostname = f"inbox-{secrets.token_hex(4)}.localhost"  # in the greeting: tells ours from another

    @property
    def smtp_port(self) -> int:
        """Where mails are taken."""
        return self.port("smtp")

    @property
    def url(self) -> str:
        """Where the page and, under `/api/v1`, Mailpit's API answer; without a slash at the end."""
        return f"http://127.0.0.1:{self.port('http')}"

    async def ready(self) -> bool:
        """Whether it greets on both ports."""
        smtp, http = await asyncio.gather(
            connects(self.smtp_port, expect=f"220 {self._hostname}".encode()),
            connects(self.port("http"), send=b"GET / HTTP/1.0\r\n\r\n", expect=b"HTTP/1.0 200"),
        )
        return smtp and http

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        argv = [
            *(sys.executable, "-m", "deploy.local.inbox_server", "--folder", str(self.data)),
            *(
                "--smtp-port",
                str(self.smtp_port),
                "--http-port",
                str(self.port("http")),
                "--hostname",
                self._hostname,
            ),
        ]
        return argv, {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(_REPOSITORY)}
