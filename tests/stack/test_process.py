"""Single processes, free ports, and the tidying up after runs that were killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from deploy.local import program
from deploy.local.inbox import Inbox
from deploy.local.ports import free_port, is_free
from deploy.local.process import Process, StackError, wait_until
from deploy.local.run_directory import MARK, RunDirectory, process_state

ENVIRONMENT = {"PATH": os.environ["PATH"]}
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)
PARENT = """
import subprocess, sys, time
from pathlib import Path
from deploy.local.process import Process
from deploy.local.run_directory import RunDirectory

child = Process(RunDirectory(Path(sys.argv[1])), "child")
child.start(["sleep", "600"], env={})
print(child.pid, flush=True)
time.sleep(600)
"""


def wait_until_it_runs(pid: int, program: str) -> None:
    def runs() -> bool:
        return Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0] == program.encode()

    look_until(runs, f"process {pid} has not become {program}")


def wait_until_gone(pid: int) -> None:
    look_until(lambda: process_state(pid) is None, f"process {pid} still lives")


def look_until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.01)  # between two looks; nothing tells us when another process has done something


async def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(directory: RunDirectory) -> None:
    process = Process(directory, "stubborn")
    process.start([sys.executable, "-c", STUBBORN], env=ENVIRONMENT)

    async def deaf() -> bool:
        return "deaf" in process.log_text()

    await wait_until(deaf, within=20, what="the process ignores SIGTERM")
    await process.stop(grace=0.2)
    assert await process.wait() == -signal.SIGKILL


async def test_a_paused_process_stops_in_order(directory: RunDirectory) -> None:
    process = Process(directory, "sleeper")
    process.start(["sleep", "600"], env=ENVIRONMENT)
    await process.pause()
    assert process_state(process.pid) == "T"
    await process.stop()
    assert await process.wait() == -signal.SIGTERM


async def test_what_was_stopped_can_be_stopped_and_killed_again(directory: RunDirectory) -> None:
    process = Process(directory, "sleeper")
    await process.stop()
    process.start(["sleep", "600"], env=ENVIRONMENT)
    for _ in range(2):
        await process.kill()
        await process.stop()
    with pytest.raises(StackError, match="sleeper is not running"):
        _ = process.pid


def test_a_child_dies_with_its_parent_even_if_that_is_killed(directory: RunDirectory) -> None:
    argv = [sys.executable, "-c", PARENT, str(directory.path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_until_it_runs(child, "sleep")  # before that, nobody has asked the kernel to end it
        parent.kill()
    wait_until_gone(child)


def start_marked(run: Path) -> subprocess.Popen[bytes]:
    """A process that has outlived everything, as far as its mark tells."""
    return subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], env={**ENVIRONMENT, MARK: str(run)}
    )


def test_the_next_run_kills_what_a_dead_run_left_and_nothing_of_a_live_one(tmp_path: Path) -> None:
    living = RunDirectory.create("living", root=tmp_path)
    dead = tmp_path / "dead-1-1"
    dead.mkdir()
    me = psutil.Process()
    (dead / "owner").write_text(f"{me.pid} 1")  # our id, but a start time that is another's: an id given out again
    left_over, busy = start_marked(dead), start_marked(living.path)
    try:
        RunDirectory.create("next", root=tmp_path)
        assert left_over.wait(timeout=20) == -signal.SIGKILL
        assert busy.poll() is None
        assert (dead.exists(), living.path.exists()) == (False, True)
    finally:
        for process in (left_over, busy):
            process.kill()
            process.wait()


def test_a_run_killed_before_it_could_note_its_owner_is_tidied_up(tmp_path: Path) -> None:
    (tmp_path / "half-1-1").mkdir()
    RunDirectory.create("next", root=tmp_path)
    assert not (tmp_path / "half-1-1").exists()


def test_a_free_port_is_given_once_and_lies_outside_the_range_of_outgoing_connections() -> None:
    ports = [free_port() for _ in range(50)]
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert len(set(ports)) == len(ports)
    assert first_ephemeral <= 11_000 or max(ports) < first_ephemeral


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


async def test_a_server_that_loses_the_race_for_its_port_takes_another(
    directory: RunDirectory, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = [inbox.smtp_port, inbox.port("http")]
    monkeypatch.setattr(program, "free_port", lambda: taken.pop() if taken else free_port())
    late = Inbox(directory, "late")
    await late.start()
    try:
        assert taken == []
        assert await late.ready()
        assert await inbox.ready()
        assert late.smtp_port != inbox.smtp_port
    finally:
        await late.close()
