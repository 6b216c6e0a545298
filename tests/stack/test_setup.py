"""The decisions of the set-up; what needs root or the network is left to a fresh machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import apt, setup
from deploy.local.install import Machine, missing_packages
from deploy.local.virtualenv import PYTHON, SetupError, State, VirtualEnvironment
from tests.support.programs import program

REPOSITORY = Path(__file__).parents[2]
NOTHING = Machine(environment=State.UNUSABLE, ensurepip=False, rabbitmq=False, libcurl=False)
EVERYTHING = Machine(environment=State.COMPLETE, ensurepip=True, rabbitmq=True, libcurl=True)
URLS = {"AMQP_URL": "amqp://broker.example/", "MONGODB_URL": "mongodb://database.example/"}


def test_a_bare_machine_needs_all_packages_and_a_complete_one_none() -> None:
    assert {f"python{PYTHON}-venv", "rabbitmq-server"} <= set(missing_packages(NOTHING, {}, servers=True))
    assert missing_packages(EVERYTHING, {}, servers=True) == []


@pytest.mark.parametrize(("environ", "servers"), [(URLS, True), ({}, False)])
def test_servers_that_are_named_or_not_wanted_need_no_package(environ: dict[str, str], servers: bool) -> None:
    assert missing_packages(NOTHING, environ, servers=servers) == [f"python{PYTHON}-venv"]


def test_an_environment_that_only_lacks_packages_needs_no_ensurepip() -> None:
    machine = Machine(environment=State.OUTDATED, ensurepip=False, rabbitmq=True, libcurl=True)
    assert missing_packages(machine, {}, servers=True) == []


def test_without_root_the_command_that_needs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(SetupError, match=r"sudo apt-get install .*rabbitmq-server"):
        apt.install(["rabbitmq-server"], lock=0)


def test_a_test_that_can_not_have_its_program_is_skipped_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name, path="": "/usr/bin/apt-get" if name == "apt-get" else None)
    # A name of this test alone: what another test asked for is remembered.
    with pytest.raises(pytest.skip.Exception, match=r"^nobodys: .*sudo apt-get install .*prometheus$"):
        program("nobodys", package="prometheus")


def test_without_apt_the_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SetupError, match="missing: rabbitmq-server, libcurl4"):
        apt.install(["rabbitmq-server", "libcurl4"], lock=0)


def test_a_python_that_is_too_old_or_does_not_run_is_not_taken(tmp_path: Path) -> None:
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert setup.is_new_enough(sys.executable)
    assert not setup.is_new_enough(str(shim))


def test_an_argument_it_does_not_know_sets_nothing_up() -> None:
    command = [sys.executable, "-m", "deploy.local.install", "--there-is-no-such-thing"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (result.returncode, "unrecognized arguments" in result.stderr) == (2, True)


@pytest.fixture
def environment(tmp_path: Path) -> VirtualEnvironment:
    """An environment that looks made, by hand, in a repository of its own."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "dev.lock").write_text("one==1\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "clients" / "python").mkdir(parents=True)
    (tmp_path / "clients" / "python" / "pyproject.toml").write_text("[project]\n")
    made = VirtualEnvironment(tmp_path)
    (made.packages / "pip").mkdir(parents=True)
    (made.folder / "bin").mkdir()
    (made.folder / "bin" / "python").symlink_to("/bin/true")  # every pip run "succeeds"
    return made


def make(environment: VirtualEnvironment) -> None:
    with (environment.repository / "pyproject.toml").open() as lock:
        environment.make(lock=lock.fileno())


def test_without_an_environment_one_is_made(tmp_path: Path) -> None:
    assert VirtualEnvironment(tmp_path).state() is State.UNUSABLE


def test_an_environment_made_by_hand_is_added_to_and_nothing_in_it_is_lost(environment: VirtualEnvironment) -> None:
    treasure = environment.packages / "treasure.py"
    treasure.touch()
    assert environment.state() is State.OUTDATED
    make(environment)
    assert environment.state() is State.COMPLETE
    assert treasure.exists()


@pytest.mark.parametrize("file", ["requirements/dev.lock", "pyproject.toml", "clients/python/pyproject.toml"])
def test_other_dependencies_make_it_outdated(environment: VirtualEnvironment, file: str) -> None:
    make(environment)
    with (environment.repository / file).open("a") as changed:
        changed.write("# changed\n")
    assert environment.state() is State.OUTDATED


def test_a_set_up_that_was_killed_half_way_is_begun_again(environment: VirtualEnvironment) -> None:
    (environment.folder / "set-up").write_text("unfinished")
    assert environment.state() is State.UNUSABLE


def test_a_checkout_that_was_moved_needs_a_new_environment(environment: VirtualEnvironment, tmp_path: Path) -> None:
    make(environment)
    moved = tmp_path / "elsewhere"
    shutil.copytree(tmp_path, moved, symlinks=True, ignore=shutil.ignore_patterns("elsewhere"))
    assert VirtualEnvironment(moved).state() is State.UNUSABLE


def test_an_environment_whose_python_is_gone_is_made_anew(environment: VirtualEnvironment) -> None:
    make(environment)
    (environment.folder / "bin" / "python").unlink()
    assert environment.state() is State.UNUSABLE


def test_a_failed_installation_leaves_a_hand_made_environment_its_owners(environment: VirtualEnvironment) -> None:
    (environment.folder / "bin" / "python").unlink()
    (environment.folder / "bin" / "python").symlink_to("/bin/false")
    with pytest.raises(SetupError, match="this failed"):
        make(environment)
    assert environment.state() is State.OUTDATED
