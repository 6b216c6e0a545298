"""The build steps of `deploy/Dockerfile`, really run, in a folder that stands for the container's root.

What comes out must be whole: the worker, the files it reads, and no package that only development needs.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.services import Services
from deploy.local.stack import Stack
from tests.deploy.dockerfile import REPOSITORY, copied, environment, stages
from tests.support.system import SETTINGS

pytestmark = pytest.mark.timeout(400)  # packages are installed, which takes as long as the network does


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the final stage takes as `/app`."""
    root = tmp_path_factory.mktemp("image")
    base, work, app = root / "base", root / "build", root / "app"
    subprocess.run([sys.executable, "-m", "venv", str(base)], check=True)
    work.mkdir()
    build = stages()[0]
    variables = os.environ | environment(build) | {"PATH": f"{base / 'bin'}:/usr/bin:/bin", "PYTHONPATH": ""}
    for step in build:
        if step.name == "COPY":
            copy_into(work, step.arguments)
        elif step.name == "RUN":
            command = step.arguments.replace("/app", str(app))
            done = subprocess.run(
                ["/bin/sh", "-ec", command], cwd=work, env=variables, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    shutil.rmtree(work)
    return app


def copy_into(work: Path, arguments: str) -> None:
    sources, target = copied(arguments)
    for source in sources:
        origin = REPOSITORY / source
        if origin.is_dir():
            shutil.copytree(origin, work / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            into = work / target / origin.name
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, into)


def site_packages(app: Path) -> Path:
    [folder] = app.glob("venv/lib/python3.*/site-packages")
    return folder


def test_every_file_of_the_server_and_its_client_is_in_the_image_and_no_other_folder(app: Path) -> None:
    def files(root: Path, *packages: str) -> set[str]:
        found = (path.relative_to(root) for name in packages for path in (root / name).rglob("*"))
        return {str(path) for path in found if "__pycache__" not in path.parts and path.suffix}

    installed = files(site_packages(app), "services", "shared", "signalpost")
    client = files(REPOSITORY / "clients" / "python" / "src", "signalpost")
    assert installed == files(REPOSITORY, "services", "shared") | client
    assert "shared/mail/defaults/layout.html" in installed
    assert not [name for name in ("clients", "deploy", "tests", "benchmarks") if (site_packages(app) / name).exists()]


def test_nothing_that_builds_or_tests_is_in_the_image(app: Path) -> None:
    present = {path.name for path in site_packages(app).iterdir()}
    assert not present & {"pip", "setuptools", "hatchling", "pytest", "mypy", "ruff"}


def test_the_worker_shows_its_commands(app: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [app / "worker", "--help"], cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for command in ("api", "dispatcher", "webhook", "mailer", "notifications", "topology"):
        assert command in done.stdout


async def test_all_services_of_the_image_become_ready_and_stop(app: Path, stack: Stack) -> None:
    environment = {**stack.environment(), **SETTINGS, "MONGODB_DATABASE": "image", "PYTHONPATH": ""}
    if stack.rabbitmq is not None:
        environment["AMQP_URL"] = await stack.rabbitmq.create_vhost("image")
    async with Services(stack.directory, environment, program=[str(app / "worker")]) as services:
        [everything] = await services.start("all")
        assert await everything.ready()
    if stack.rabbitmq is not None:
        await stack.rabbitmq.delete_vhost("image")
