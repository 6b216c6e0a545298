"""The snippets of docs/producers.md do what the page says, as they stand there.

What has a file name in its fence is run; only the tenant and the producer's database become the test's own.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pymongo import AsyncMongoClient

from shared.model.topology import topology
from signalpost import events
from tests.producers.virtual_host import VirtualHost
from tests.support.receiver import Receiver
from tests.support.system import System, token

REPOSITORY = Path(__file__).parents[2]
NODE = Path(__file__).parent / "node"
PAGE = (REPOSITORY / "docs" / "producers.md").read_text()
SNIPPETS: dict[str, str] = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
PYTHON = [name for name in SNIPPETS if name.endswith(".py")]


@pytest.fixture
def environment(system: System, tenant: str) -> dict[str, str]:
    """What the page takes from the environment."""
    return {
        "PATH": os.environ["PATH"],
        "AMQP_URL": system.environment["AMQP_URL"],
        "MONGODB_URL": system.environment["MONGODB_URL"],
        "SIGNALPOST_URL": system.url,
        "SIGNALPOST_TOKEN": token(tenant, "PRODUCER"),
    }


@pytest.fixture(scope="module")
def node() -> str:
    """The path of Node.js, with amqplib installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed: the example for Node.js can't be run")
    installed = NODE / "node_modules" / ".package-lock.json"  # npm writes it last
    if not installed.exists() or installed.stat().st_mtime < (NODE / "package-lock.json").stat().st_mtime:
        done = subprocess.run([npm, "ci"], cwd=NODE, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"npm ci failed in {NODE}:\n{done.stderr}"
    return node


def test_every_way_in_has_its_snippet() -> None:
    assert set(SNIPPETS) == {
        *("publish.py", "own_type.py", "issue.py", "relay.py", "plain.py", "publish_http.py"),
        *("publish.mjs", "publish.sh"),
    }


def test_the_page_names_every_type() -> None:
    assert [event.__name__ for event in events.PRODUCT_EVENTS if f"`{event.__name__}`" not in PAGE] == []


@pytest.mark.parametrize("name", PYTHON)
def test_the_python_on_the_page_is_written_as_the_rest_of_the_code(name: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--ignore", "D1,INP,T20", "--stdin-filename", name, "-"]
    done = subprocess.run(command, input=SNIPPETS[name], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["publish.py", "own_type.py", "plain.py", "publish_http.py"])
async def test_an_event_published_with_python_arrives(
    name: str, system: System, receiver: Receiver, environment: dict[str, str], tenant: str, tmp_path: Path
) -> None:
    await _subscribe(system, receiver, tenant)
    await _run([sys.executable], name, tmp_path, environment, tenant)
    await _assert_it_arrived(receiver)


async def test_an_event_published_with_node_arrives(
    node: str, system: System, receiver: Receiver, environment: dict[str, str], tenant: str, tmp_path: Path
) -> None:
    await _subscribe(system, receiver, tenant)
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    await _run([node], "publish.mjs", tmp_path, environment, tenant)
    await _assert_it_arrived(receiver)


async def test_the_node_example_fails_where_no_queue_takes_the_event(
    node: str, empty_vhost: VirtualHost, tenant: str, tmp_path: Path
) -> None:
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    environment = {"PATH": os.environ["PATH"], "AMQP_URL": empty_vhost.url}
    process = await _start([node], "publish.mjs", tmp_path, environment, tenant)
    output, _ = await process.communicate()
    assert process.returncode != 0
    assert b"no exchange 'events'" in output
    await empty_vhost.declare(replace(topology(), queues=(), bindings=()))
    process = await _start([node], "publish.mjs", tmp_path, environment, tenant)
    output, _ = await process.communicate()
    assert process.returncode != 0
    assert b"no queue takes certificate.issued" in output


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_an_event_published_with_curl_arrives_once_however_often_it_is_sent(
    system: System, receiver: Receiver, environment: dict[str, str], tenant: str, tmp_path: Path
) -> None:
    await _subscribe(system, receiver, tenant)
    answers = [await _run(["sh"], "publish.sh", tmp_path, environment, tenant) for _ in range(2)]
    await _assert_it_arrived(receiver)
    [stored] = await system.database.events.find({"tenant_id": tenant}).to_list()
    assert stored["source_id"] == "cert_42-issued"
    assert [json.loads(answer) for answer in answers] == [
        {"id": stored["_id"], "duplicate": False},
        {"id": stored["_id"], "duplicate": True},
    ]


async def test_what_the_outbox_example_commits_the_relay_publishes(
    system: System, receiver: Receiver, environment: dict[str, str], tenant: str, tmp_path: Path
) -> None:
    await _subscribe(system, receiver, tenant)
    relay = await _start([sys.executable], "relay.py", tmp_path, environment, tenant)
    try:
        await _run([sys.executable], "issue.py", tmp_path, environment, tenant)
        await _assert_it_arrived(receiver)
        relay.terminate()
        output, _ = await relay.communicate()
        assert relay.returncode == 0, output.decode()
    finally:
        if relay.returncode is None:
            relay.kill()
            await relay.wait()
        async with AsyncMongoClient[dict[str, object]](environment["MONGODB_URL"]) as client:
            await client.drop_database(f"wipe_backend_{tenant}")


async def _subscribe(system: System, receiver: Receiver, tenant: str) -> None:
    await system.client(tenant).create_webhook(receiver.url("/hook"), "*")


async def _assert_it_arrived(receiver: Receiver) -> None:
    [request] = await receiver.wait_for("/hook", within=60)
    assert b'"certificate_id"' in request.body
    assert b"cert_42" in request.body


async def _run(command: list[str], name: str, folder: Path, environment: dict[str, str], tenant: str) -> str:
    process = await _start(command, name, folder, environment, tenant)
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def _start(
    command: list[str], name: str, folder: Path, environment: dict[str, str], tenant: str
) -> asyncio.subprocess.Process:
    text = SNIPPETS[name].replace("org_1", tenant).replace("wipe_backend", f"wipe_backend_{tenant}")
    (folder / name).write_text(text)
    return await asyncio.create_subprocess_exec(
        *(*command, name),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
