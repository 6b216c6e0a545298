"""Sets a machine up: system packages, `.venv`, and a look whether the servers can run. Standard library only.

Does what is left to do and no more, so that it can be run before everything; says each step in a line. With
`--python-only` the servers don't matter (for linting).
"""

import argparse
import contextlib
import ctypes
import fcntl
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import apt
from deploy.local.process import StackError
from deploy.local.programs import mongod, rabbitmq_sbin
from deploy.local.virtualenv import PYTHON, SetupError, State, VirtualEnvironment

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What this machine has."""

    environment: State
    ensurepip: bool
    rabbitmq: bool
    libcurl: bool

    @classmethod
    def examine(cls, environment: VirtualEnvironment) -> "Machine":
        """Look at it."""
        return cls(
            environment=environment.state(),
            ensurepip=importlib.util.find_spec("ensurepip") is not None,
            rabbitmq=_has_rabbitmq(),
            libcurl=_has_libcurl(),
        )


def missing_packages(machine: Machine, environ: Mapping[str, str], *, servers: bool) -> list[str]:
    """The Debian packages without which `.venv` can't be made or the `servers` can't run.

    A server that a URL names is not needed here.
    """
    needed = {
        # Debian has split this off the standard library: without it a new environment has no pip.
        f"python{PYTHON}-venv": machine.environment is State.UNUSABLE and not machine.ensurepip,
        "rabbitmq-server": servers and not environ.get("AMQP_URL") and not machine.rabbitmq,
        # The mongod that we carry (for this architecture only) is linked against it.
        "libcurl4": servers
        and not environ.get("MONGODB_URL")
        and not machine.libcurl
        and platform.machine() == "x86_64",
    }
    return [package for package, is_needed in needed.items() if is_needed]


def set_up(repository: Path, environ: Mapping[str, str], *, servers: bool) -> None:
    """Do what is left to do; SetupError where a person has to."""
    environment = VirtualEnvironment(repository)
    machine = Machine.examine(environment)
    if machine.environment is not State.COMPLETE or missing_packages(machine, environ, servers=servers):
        with alone(repository) as lock:
            # Look again: another set-up may have done it while we waited.
            if packages := missing_packages(Machine.examine(environment), environ, servers=servers):
                apt.install(packages, lock=lock)
            if environment.state() is not State.COMPLETE:
                environment.make(lock=lock)
    if servers and not environ.get("MONGODB_URL"):
        _check_mongod(environment)


@contextlib.contextmanager
def alone(repository: Path) -> Iterator[int]:
    """Wait for other set-ups of this repository, then keep them waiting; gives the lock's file descriptor.

    Children hold the lock too: if we are killed, the next set-up waits for the pip or apt-get that we started.
    """
    descriptor = os.open(repository, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("set-up: waiting for another set-up to end", flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _has_rabbitmq() -> bool:
    try:
        rabbitmq_sbin()
    except StackError:
        return False
    return True


def _has_libcurl() -> bool:
    try:
        ctypes.CDLL("libcurl.so.4")
    except OSError:
        return False
    return True


def _check_mongod(environment: VirtualEnvironment) -> None:
    """SetupError unless there is a mongod that this system's libraries can run."""
    try:
        program = mongod(environment.packages)
    except StackError as error:
        raise SetupError(str(error)) from error
    trial = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    if trial.returncode != 0:
        raise SetupError(f"set MONGODB_URL to a replica set of yours, mongod can't run here: {trial.stderr.strip()}")


def main() -> int:
    """Set this repository up; the exit status."""
    parser = argparse.ArgumentParser(prog="setup.py", description="Sets this checkout up; does what is left to do.")
    parser.add_argument("--python-only", action="store_true", help="only .venv: no server will be started")
    arguments = parser.parse_args()
    try:
        set_up(_REPOSITORY, os.environ, servers=not arguments.python_only)
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"set-up: can't write {error.filename}: does it belong to another user?", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
