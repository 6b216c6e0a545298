"""A receiver that is not the bottleneck: nginx answering every POST with 200 at once, and counting them.

A process of ours with a configuration of ours in the run's folder; of the system's nginx only the program is used.
"""

import asyncio
import os
import re
import shutil
from collections.abc import Mapping, Sequence

from deploy.local.process import StackError
from deploy.local.program import Program, connects
from deploy.local.run_directory import RunDirectory

_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ return 200 "ok"; }}
    location = /status {{ stub_status; }}
  }}
}}
"""
_ASK = b"GET /status HTTP/1.1\r\nHost: receiver\r\n\r\n"
_COUNTS = re.compile(rb"\n (\d+) (\d+) (\d+) \n")  # connections accepted and handled, and requests


class Nginx(Program):
    """The receiver; every path but `/status` answers 200."""

    port_names = ("http",)

    def __init__(self, directory: RunDirectory) -> None:
        super().__init__(directory, "nginx")
        self._folder = directory.path
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._own_requests = 0

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://127.0.0.1:{self.port('http')}"

    async def ready(self) -> bool:
        """Whether it accepts connections."""
        return await connects(self.port("http"))

    async def requests(self) -> int:
        """Return how many requests it has answered since its start, our own questions not counted."""
        if self._connection is None:
            self._connection = await asyncio.open_connection("127.0.0.1", self.port("http"))
        reader, writer = self._connection
        writer.write(_ASK)
        self._own_requests += 1
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        counts = _COUNTS.search(await reader.readexactly(length))
        assert counts is not None
        return int(counts[3]) - self._own_requests

    async def close(self) -> None:
        """End it."""
        if self._connection is not None:
            self._connection[1].close()
        await super().close()

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        config = self._folder / "nginx.conf"
        config.write_text(_CONFIG.format(folder=self._folder, port=self.port("http")))
        return [program(), "-e", "stderr", "-p", str(self._folder), "-c", str(config)], {"PATH": os.environ["PATH"]}


def program() -> str:
    """Return where nginx lies; StackError with the remedy where it is not installed."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        raise StackError("nginx is missing: run `make bench` as root once, or apt-get install nginx-light")
    return found
