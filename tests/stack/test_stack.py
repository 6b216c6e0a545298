"""A stack beside others, a stack that was killed, and servers that are not ours."""

import ipaddress
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.run_directory import RunDirectory
from deploy.local.stack import Stack
from tests.stack.processes import processes_of
from tests.support.system import running_system

REPOSITORY = Path(__file__).parents[2]
KILLED_RUN = """
import asyncio
from deploy.local.stack import Stack

async def main() -> None:
    async with Stack("killed", environ={}) as stack:
        print(stack.directory.path, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_two_stacks_live_side_by_side_and_one_leaves_nothing_behind(own_stack: Stack) -> None:
    async with Stack("second", environ={}) as second:
        ours, theirs = own_stack.environment(), second.environment()
        assert all(ours[name] != theirs[name] for name in ("AMQP_URL", "MONGODB_URL", "NOTIFICATION_SMTP_PORT"))
        assert all([await server.ready() for stack in (own_stack, second) for server in stack.servers])
        assert processes_of(second.directory.path)
    assert not processes_of(second.directory.path)
    assert not second.directory.path.exists()
    assert all([await server.ready() for server in own_stack.servers])


async def test_whatever_a_run_starts_listens_on_loopback_only(own_stack: Stack) -> None:
    async with running_system(own_stack, services=("api",)):
        listening = {
            (process.name(), connection.laddr.ip)
            for process in processes_of(own_stack.directory.path)
            for connection in process.net_connections("tcp")
            if connection.status == "LISTEN"
        }
    assert {name for name, _ in listening} == {"beam.smp", "epmd", "mongod", Path(sys.executable).name}
    assert [(name, ip) for name, ip in listening if not ipaddress.ip_address(ip).is_loopback] == []


@pytest.fixture
def killed_run() -> Path:
    """The folder of a stack that had started when its process was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_RUN], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        path = Path(run.stdout.readline().strip())
        assert len(processes_of(path)) >= 3
        run.kill()
    return path


async def test_what_a_killed_run_left_is_gone_after_the_next_start_and_other_runs_go_on(
    killed_run: Path, own_stack: Stack
) -> None:
    RunDirectory.create("next").delete()
    assert not processes_of(killed_run)
    assert not any(killed_run.parent.glob(killed_run.name))
    assert all([await server.ready() for server in own_stack.servers])


async def test_servers_named_from_outside_are_used_and_none_is_started() -> None:
    outside = {
        "AMQP_URL": "amqp://broker.example/",
        "MONGODB_URL": "mongodb://database.example/",
        "NOTIFICATION_SMTP_HOST": "smtp.example",
        "NOTIFICATION_SMTP_PORT": "2525",
    }
    async with Stack("outside", environ=outside) as stack:
        assert (stack.rabbitmq, stack.mongodb, stack.inbox) == (None, None, None)
        assert stack.environment() == outside
        assert not processes_of(stack.directory.path)


async def test_an_smtp_host_from_outside_has_the_default_port_unless_one_is_named_too() -> None:
    outside = {"AMQP_URL": "amqp://b/", "MONGODB_URL": "mongodb://d/", "NOTIFICATION_SMTP_HOST": "smtp.example"}
    async with Stack("outside", environ=outside) as stack:
        assert stack.environment()["NOTIFICATION_SMTP_PORT"] == "1025"


async def test_an_empty_url_names_nothing() -> None:
    stack = Stack("empty", environ={"AMQP_URL": "", "MONGODB_URL": "mongodb://d/", "NOTIFICATION_SMTP_HOST": "h"})
    assert [server.name for server in stack.servers] == ["rabbitmq"]
    stack.directory.delete()
