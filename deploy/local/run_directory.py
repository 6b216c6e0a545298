"""A folder of its own for each run of the stack, and the tidying up after runs that were killed.

Several runs live side by side under `.stack/`. A folder belongs to the process recorded in it (process id and start
time, so that a reused id deceives nobody); once that process is gone, the next run kills what still carries the
folder's mark in its environment and deletes the folder. It touches no process without such a mark.
"""

import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

STACK_ROOT = Path(__file__).resolve().parents[2] / ".stack"
MARK = "SIGNALPOST_STACK_RUN"  # environment variable of every child: the path of its run directory
_numbers = itertools.count(1)


def process_state(pid: int) -> str | None:
    """The state letter of a process (proc(5)), or None if there is none or only its dead body is left."""
    fields = _stat(pid)
    return fields[0] if fields and fields[0] not in "ZX" else None


class RunDirectory:
    """The folder of one run; `create` makes it, `delete` removes it with everything in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, kind: str, root: Path = STACK_ROOT) -> "RunDirectory":
        """Tidy up after dead runs, then make the folder `<kind>-<pid>-<n>` for this process."""
        if not root.exists():
            root.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:  # a run as root must not shut out the user whose checkout this is
                parent = root.parent.stat()
                os.chown(root, parent.st_uid, parent.st_gid)
        with _locked(root):
            _tidy(root)
            path = root / f"{kind}-{os.getpid()}-{next(_numbers)}"
            path.mkdir(mode=0o700)
            (path / "owner").write_text(str(_identity(os.getpid())))
        return cls(path)

    @property
    def mark(self) -> dict[str, str]:
        """What each child process must have in its environment."""
        return {MARK: str(self.path)}

    def delete(self) -> None:
        """Remove the folder; its processes must have ended."""
        shutil.rmtree(self.path, ignore_errors=True)


def _tidy(root: Path) -> None:
    """Kill what killed runs left behind and delete their folders. The caller holds the lock.

    A folder without an owner is one whose process died between its first two steps: we hold the lock it held.
    """
    dead = {path for path in root.iterdir() if not _owner_lives(path)}
    if not dead:
        return
    left_over = [pid for pid, run in _marked() if run in dead]
    for pid in left_over:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(process_state(pid) for pid in left_over) and time.monotonic() < deadline:
        time.sleep(0.01)
    for path in dead:
        shutil.rmtree(path, ignore_errors=True)


def _marked() -> Iterator[tuple[int, Path]]:
    """All processes of this user that carry a run's mark, with the run they belong to."""
    prefix = f"{MARK}=".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended meanwhile, or is another user's
                for variable in (entry / "environ").read_bytes().split(b"\0"):
                    if variable.startswith(prefix):
                        yield int(entry.name), Path(os.fsdecode(variable.removeprefix(prefix)))


def _owner_lives(path: Path) -> bool:
    """Whether somebody still uses the folder; another user's is taken for used."""
    try:
        owner = (path / "owner").read_text()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError:
        return True
    pid = owner.partition(" ")[0]
    return pid.isdigit() and owner == _identity(int(pid))


def _identity(pid: int) -> str | None:
    """Process id and start time (clock ticks since boot), which together are never given out twice."""
    fields = _stat(pid)
    return f"{pid} {fields[19]}" if fields and fields[0] not in "ZX" else None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the third (the state) on; the second may hold blanks and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
