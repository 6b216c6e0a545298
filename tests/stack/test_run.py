"""`make run` stays up, says where everything is, shows each delivery, and ends in order on Ctrl-C."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.waiting import eventually

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    output = tmp_path / "output"
    servers = ("AMQP_URL", "MONGODB_URL", "NOTIFICATION_SMTP_HOST")
    environment = {name: value for name, value in os.environ.items() if name not in servers}
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local.run"], cwd=REPOSITORY, stdout=file, stderr=file, env=environment
        )
    yield process, output
    process.kill()
    process.wait()


async def test_the_system_stays_up_shows_each_delivery_and_drains_on_ctrl_c(
    running: tuple[subprocess.Popen[bytes], Path],
) -> None:
    process, output = running

    async def text() -> str:
        assert process.poll() is None, output.read_text()
        return output.read_text()

    welcome = await eventually(text, until=lambda seen: "Ctrl-C drains" in seen, within=120)
    facts = dict(re.findall(r"^(API docs|inbox|token)\s+(\S+)$", welcome, flags=re.MULTILINE))
    event = {
        "id": "1",
        "source": "/tests",
        "type": "user.invited",
        "data": {"email": "ada@customer.example", "accept_url": "https://app.example.com/i/1"},
    }
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {facts['token']}"}) as session:
        url = facts["API docs"].removesuffix("/docs") + "/api/v1/events"
        async with session.post(url, json=event) as answer:
            assert answer.status == 202, await answer.text()
        await eventually(text, until=lambda seen: "delivery.attempted" in seen)
        async with session.get(facts["inbox"] + "/api/v1/messages") as answer:
            assert (await answer.json())["total"] == 1

    process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(process.wait, 60) == 0, output.read_text()
    assert "stopped" in output.read_text()
