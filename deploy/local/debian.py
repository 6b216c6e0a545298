"""Roots of Debian releases, made with debootstrap: other versions of a server, or the base of an image, without a
container engine or a registry. Nothing of the system is changed but that debootstrap is installed.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.local import apt
from deploy.local.install import alone
from deploy.local.virtualenv import SetupError

_REPOSITORY = Path(__file__).resolve().parents[2]


def make_root(folder: Path, suite: str, packages: Sequence[str]) -> Path:
    """Return the root of a Debian release with these packages in it, `folder`/root; made if there is none.

    Raises:
        SetupError: it can't be made; the text says why.
    """
    root = folder / "root"
    if root.exists():
        return root
    if os.geteuid() != 0:
        raise SetupError("needs root: debootstrap makes device files, and what runs in a root of its own mounts")
    with alone(_REPOSITORY) as lock:
        if shutil.which("debootstrap") is None:
            apt.install(["debootstrap", "debian-archive-keyring"], lock=lock)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"set-up: debootstrap {suite}, which takes some minutes", flush=True)
        with tempfile.TemporaryDirectory(dir=folder) as unfinished:
            target = Path(unfinished) / "root"
            command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", suite, str(target)]
            made = subprocess.run(command, capture_output=True, text=True, check=False, pass_fds=(lock,))
            if made.returncode != 0:
                raise SetupError(f"`{shlex.join(command)}` failed:\n{made.stdout[-2000:]}{made.stderr[-2000:]}")
            target.rename(root)
    return root
