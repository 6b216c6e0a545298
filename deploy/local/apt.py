"""System packages: installed with apt-get where we are root, else named in the command that installs them.

The installed servers are never started and never will be at boot: the stack runs nodes of its own. To that end dpkg
finds our stand-ins before the programs that start services; nothing on the system is changed for it, so that a
killed set-up leaves nothing to be put back.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.local.virtualenv import SetupError

_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_STARTERS = ("invoke-rc.d", "deb-systemd-invoke", "deb-systemd-helper", "update-rc.d")
_STAND_IN = """#!/bin/sh
case " $* " in *rabbitmq*|*epmd*|*nginx*|*prometheus*) exit 0 ;; esac
PATH={path} exec {name} "$@"
"""


def install(packages: Sequence[str], *, lock: int) -> None:
    """Have the packages installed, or raise SetupError. `lock` is a file descriptor for the children to hold."""
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None:
        raise SetupError(f"missing: {', '.join(packages)}, and no apt-get to install it with; install it yourself")
    if os.geteuid() != 0:
        raise SetupError(f"needs root once: sudo apt-get update && sudo {' '.join(command)}")
    print(f"set-up: {' '.join(command)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="signalpost-apt-") as folder:
        _write_stand_ins(Path(folder))
        path = f"{folder}:{_SYSTEM_PATH}"
        options = ["-q", "-o", "DPkg::Lock::Timeout=300", "-o", f"DPkg::Path={path}"]
        install_command = ["apt-get", *options, *command[1:]]
        if _run(install_command, path=path, lock=lock).returncode == 0:
            return
        # Whatever it was, what follows is the cure for all that a newcomer meets: package lists that are missing or
        # too old, and a dpkg that was killed half way.
        _run(["dpkg", "--configure", "-a"], path=path, lock=lock)
        print("set-up: apt-get update", flush=True)
        _run(["apt-get", *options, "update"], path=path, lock=lock)
        last = _run(install_command, path=path, lock=lock)
    if last.returncode != 0:
        raise SetupError(f"`{' '.join(command)}` failed:\n{last.stdout}")


def _write_stand_ins(folder: Path) -> None:
    for name in _STARTERS:
        stand_in = folder / name
        stand_in.write_text(_STAND_IN.format(path=_SYSTEM_PATH, name=name))
        stand_in.chmod(0o755)


def _run(command: Sequence[str], *, path: str, lock: int) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": path}
    return subprocess.run(
        command,
        env=environment,
        pass_fds=(lock,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
