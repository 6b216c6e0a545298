"""The project's virtual environment `.venv`: what state it is in, and how it is made. Standard library only.

The file `.venv/set-up` says what the environment was made from, or that it is unfinished: a set-up was killed half
way, and it must be made from scratch, for a half-installed package looks installed to pip. An environment without
that file was made by somebody else: packages are installed into it, and nothing in it is thrown away.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

_UNFINISHED = "unfinished"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


class SetupError(RuntimeError):
    """The set-up can't go on; the message is one line that says what to do."""


class State(Enum):
    """What is to be done about an environment: nothing, install other packages, or make it from scratch."""

    COMPLETE = "complete"
    OUTDATED = "outdated"
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class VirtualEnvironment:
    """The environment of a repository, for the Python that runs this."""

    repository: Path

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.repository / ".venv"

    @property
    def packages(self) -> Path:
        """Where its packages lie."""
        return self.folder / "lib" / f"python{PYTHON}" / "site-packages"

    def state(self) -> State:
        """What it is like now."""
        if not (self.folder / "bin" / "python").exists() or not (self.packages / "pip").exists():
            return State.UNUSABLE
        try:
            stamp = self._stamp.read_text()
        except FileNotFoundError:
            return State.OUTDATED
        if stamp == self._wanted_stamp():
            return State.COMPLETE
        return State.OUTDATED if stamp.startswith(self._origin()) else State.UNUSABLE

    def make(self, *, lock: int) -> None:
        """Bring it to `COMPLETE`, or raise SetupError. `lock` is a file descriptor for the children to hold."""
        state, wanted_stamp = self.state(), self._wanted_stamp()
        foreign = state is State.OUTDATED and not self._stamp.exists()
        self.folder.mkdir(exist_ok=True)
        self._stamp.write_text(_UNFINISHED)
        try:
            if state is State.UNUSABLE:
                print(f"set-up: making .venv with Python {PYTHON}", flush=True)
                self._empty()
                _run([sys.executable, "-m", "venv", str(self.folder)], self.repository, lock)
            self._install(lock)
        except SetupError:
            if foreign:
                self._stamp.unlink()  # it stays somebody else's until all has gone well
            raise
        self._stamp.write_text(wanted_stamp)

    def _install(self, lock: int) -> None:
        print("set-up: installing the Python packages of requirements/dev.lock", flush=True)
        pip = [str(self.folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
        _run([*pip, "--require-hashes", "-r", "requirements/dev.lock"], self.repository, lock)
        _run([*pip, "--no-deps", "--no-build-isolation", "-e", "clients/python", "-e", "."], self.repository, lock)

    def _empty(self) -> None:
        """As `venv --clear`, but the note that it is unfinished stays."""
        for entry in self.folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != self._stamp:
                entry.unlink()

    @property
    def _stamp(self) -> Path:
        return self.folder / "set-up"

    def _origin(self) -> str:
        """What it can't be separated from: its place, for its scripts hold that, and its Python."""
        return f"{self.folder} {sys.base_prefix} {platform.python_version()}\n"

    def _wanted_stamp(self) -> str:
        """Its origin, and a hash of what decides which packages are in it."""
        names = ("requirements/dev.lock", "pyproject.toml", "clients/python/pyproject.toml")
        files = [self.repository / name for name in names]
        return f"{self._origin()}{hashlib.sha256(b'|'.join(file.read_bytes() for file in files)).hexdigest()}\n"


def _run(command: Sequence[str], repository: Path, lock: int) -> None:
    if subprocess.run(command, cwd=repository, pass_fds=(lock,), check=False).returncode != 0:
        raise SetupError(f"this failed, its message is above: {' '.join(command)}")
