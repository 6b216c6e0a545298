"""The handle of the demo's receiver process."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from deploy.local.program import Program, connects
from deploy.local.run_directory import RunDirectory

_REPOSITORY = Path(__file__).resolve().parents[3]


class DemoReceiver(Program):
    """A customer's program that takes webhooks."""

    port_names = ("http",)

    def __init__(self, directory: RunDirectory) -> None:
        super().__init__(directory, "receiver")

    def hook_url(self, path: str) -> str:
        """Where a webhook posts to."""
        return f"http://127.0.0.1:{self.port('http')}/hooks/{path}"

    async def tell_secret(self, path: str, secret: str) -> None:
        """Give it the secret of the webhook that posts to a path."""
        url = f"http://127.0.0.1:{self.port('http')}/secrets/{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.put(url, data=secret.encode(), raise_for_status=True),
        ):
            pass

    async def received(self) -> list[dict[str, Any]]:
        """Return what came so far, oldest first."""
        url = f"http://127.0.0.1:{self.port('http')}/received"
        async with aiohttp.ClientSession() as session, session.get(url, raise_for_status=True) as answer:
            records: list[dict[str, Any]] = await answer.json()
            return records

    async def ready(self) -> bool:
        """Whether it accepts connections."""
        return await connects(self.port("http"))

    def _command(self) -> tuple[Sequence[str], Mapping[str, str]]:
        argv = [sys.executable, "-m", "deploy.local.demo.receiver_server", "--port", str(self.port("http"))]
        return argv, {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(_REPOSITORY)}
