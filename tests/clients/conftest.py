"""The client as an application has it: its wheel, installed into an environment where nothing else is."""

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
APPLICATION = Path(__file__).with_name("application")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


@dataclass(frozen=True)
class Environment:
    """A virtual environment with an application."""

    folder: Path
    plain: frozenset[str]
    """The distributions that `pip install signalpost` put there, before the extras."""

    @property
    def code(self) -> Path:
        """The application's modules."""
        return self.folder / "code"

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.folder / "bin" / "python"

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run Python within the application and return what it printed."""
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.code,
            env={"PYTHONDONTWRITEBYTECODE": "1", **(environment or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that a release has."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    _run(*PIP, "wheel", *options, str(REPOSITORY / "clients" / "python"))
    [built] = folder.glob("signalpost-*.whl")
    return built


@pytest.fixture(scope="session")
def application(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The environment of an application that publishes in every way."""
    folder = tmp_path_factory.mktemp("application")
    venv.create(folder, with_pip=False)
    shutil.copytree(APPLICATION, folder / "code")  # away from the packages of this repository
    made = Environment(folder, frozenset())
    _install(made, str(wheel), scratch=tmp_path_factory.mktemp("scratch"))
    listing = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"
    plain = frozenset(json.loads(made.run("-c", listing)))
    _install(made, f"{wheel}[http,mongodb]", scratch=tmp_path_factory.mktemp("scratch"))
    return Environment(folder, plain)


def _install(into: Environment, requirement: str, *, scratch: Path) -> None:
    done = subprocess.run(
        [*PIP, "--python", str(into.python), "install", "-q", requirement],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode == 0:
        return
    reach = subprocess.run(
        [*PIP, "download", "-q", "--no-deps", "--no-cache-dir", "-d", str(scratch), "idna"],
        capture_output=True,
        timeout=120,
        check=False,
    )
    if reach.returncode != 0:
        pytest.skip("no package index can be reached: the client is not installed into an empty environment")
    pytest.fail(f"{requirement} can't be installed:\n{done.stderr}")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
