"""Our own processes beside the stack, with a stand-in for `services.cli` that does what it is told."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from deploy.local.process import StackError
from deploy.local.run_directory import RunDirectory
from deploy.local.services import Services

STAND_IN = """
import os, sys
from aiohttp import web

command = sys.argv[1]
print("here is", command, os.environ.get("GREETING"), flush=True)
if command == "broken":
    sys.exit("AMQP_URL: must be set")

async def ready(request):
    return web.json_response({"pid": os.getpid(), "environment": dict(os.environ)})

app = web.Application()
app.router.add_get("/health/ready", ready)
port = os.environ["API_PORT" if command == "api" else "HEALTH_PORT"]
web.run_app(app, host="127.0.0.1", port=int(port), print=None)
"""


@pytest_asyncio.fixture
async def services(directory: RunDirectory, tmp_path: Path) -> AsyncIterator[Services]:
    program = tmp_path / "worker.py"
    program.write_text(STAND_IN)
    environment = {"AMQP_URL": "amqp://one/", "GREETING": "hello"}
    async with Services(directory, environment, program=[sys.executable, str(program)]) as services:
        yield services


async def seen_environment(url: str) -> dict[str, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/health/ready") as answer:
        environment: dict[str, str] = (await answer.json())["environment"]
        return environment


async def test_a_service_has_ports_of_its_own_and_sees_only_the_given_environment(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFICATION_TRANSPORT", "disabled")
    [api] = await services.start("api", environment={"GREETING": "good morning"})
    environment = await seen_environment(api.url)
    assert environment.items() >= {"AMQP_URL": "amqp://one/", "GREETING": "good morning"}.items()
    assert {environment["API_PORT"], environment["HEALTH_PORT"]} == {str(api.port("api")), str(api.port("health"))}
    assert "NOTIFICATION_TRANSPORT" not in environment


async def test_instances_of_one_service_are_stopped_killed_and_restarted_one_by_one(services: Services) -> None:
    first, second = await services.start("webhook", count=2)
    assert services["webhook-2"] is second
    assert first.url != second.url
    url, pid = second.url, second.pid

    await second.kill()
    assert not await second.ready()
    await first.pause()
    assert not await first.ready()
    await first.resume()
    assert await first.ready()
    await second.start()
    assert (second.url, second.pid != pid) == (url, True)
    assert second.log_text().count("here is webhook hello") == 2


async def test_one_that_does_not_start_says_why_with_the_end_of_its_log(services: Services) -> None:
    with pytest.raises(StackError, match=r"(?s)broken ended .*AMQP_URL: must be set") as raised:
        await services.start("broken")
    assert "here is broken hello" in str(raised.value)


async def test_an_unknown_instance_is_named_beside_those_there_are(services: Services) -> None:
    await services.start("mailer")
    with pytest.raises(StackError, match="no service mailer-2; there are: mailer"):
        _ = services["mailer-2"]
