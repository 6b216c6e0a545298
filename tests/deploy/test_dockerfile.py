"""What can be said of the image without building it: pinned, small, run by nobody in particular."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from tests.deploy.dockerfile import (
    DOCKERFILE,
    REPOSITORY,
    copied,
    environment,
    health_check,
    instructions,
    stages,
    values,
)
from tests.support.http_server import http_server


def test_both_stages_start_from_one_pinned_base() -> None:
    assert re.fullmatch(r"PYTHON=python:3\.\d+-slim-\w+", instructions()[0].arguments)
    assert [stage[0].arguments for stage in stages()] == ["${PYTHON} AS build", "${PYTHON}"]


def test_the_final_stage_takes_what_was_built_and_adds_nothing() -> None:
    final = stages()[-1]
    assert values(final, "COPY") == ["--from=build /app /app"]
    assert not values(final, "RUN") + values(final, "ADD")


def test_the_worker_runs_without_rights_and_hears_sigterm() -> None:
    final = stages()[-1]
    [user] = values(final, "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert [json.loads(value) for value in values(final, "ENTRYPOINT")] == [["/app/worker"]]
    assert values(final, "STOPSIGNAL") == ["SIGTERM"]
    assert environment(final)["PYTHONDONTWRITEBYTECODE"] == "1"


def test_everything_from_outside_is_pinned_by_hash() -> None:
    commands = [command for run in values(stages()[0], "RUN") for command in run.split("&&")]
    pip = [command for command in commands if re.search(r"\bpip .*(install|wheel) ", command)]
    outside = [command for command in pip if "--no-deps" not in command]
    assert len(outside) == 2
    assert all("--require-hashes" in command for command in outside)


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    rules = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert rules[0] == "*"
    sources = {source for line in values(stages()[0], "COPY") for source in copied(line)[0]}
    assert {rule[1:] for rule in rules if rule.startswith("!")} == sources


def test_the_build_lock_has_the_pins_of_the_development_lock() -> None:
    def pins(name: str) -> set[str]:
        return set((REPOSITORY / "requirements" / name).read_text().replace("\\\n", "").splitlines())

    assert any(pin.startswith("hatchling==") for pin in pins("build.lock"))
    assert pins("build.lock") <= pins("dev.lock")


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
async def test_the_health_check_says_what_the_service_says(status: int, healthy: bool) -> None:
    app = web.Application()

    async def ready(_: web.Request) -> web.Response:
        return web.Response(status=status)

    app.router.add_get("/health/ready", ready)
    async with http_server(app) as url:
        port = url.rpartition(":")[2]
        assert await is_healthy(port) is healthy
    assert not await is_healthy(port)


async def is_healthy(port: str) -> bool:
    check = await asyncio.create_subprocess_exec(
        sys.executable, *health_check(), env={"HEALTH_PORT": port}, stderr=asyncio.subprocess.DEVNULL
    )
    return await check.wait() == 0
