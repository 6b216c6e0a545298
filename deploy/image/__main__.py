"""Builds `deploy/Dockerfile` with buildah, runs the image beside the local stack, and says what is in it.

The base image comes from no registry: it is a Debian with the same Python, made here. The services run as the image's
user, on its root file system mounted read-only, in a chroot. It needs root, and leaves `.image/` to be quicker the
next time. It must not be taken for a release: what is released is built from the pinned base.
"""

import asyncio
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.image.checks import CheckFailed, Image, check_contents, check_services
from deploy.local import apt
from deploy.local.debian import make_root
from deploy.local.install import alone
from deploy.local.virtualenv import SetupError

_REPOSITORY = Path(__file__).resolve().parents[2]
_FOLDER = _REPOSITORY / ".image"
_BASE = "localhost/debian-python"
_IMAGE = "localhost/signalpost"
_PACKAGES = ("ca-certificates", "python3", "python3-venv")
# What pip needs of this machine to reach its packages; it is mounted while the image is built, and not part of it.
_FOR_PIP = (Path("/etc/pip.conf"), Path("/etc/ssl/certs/ca-certificates.crt"))


def buildah(*arguments: str) -> str:
    """Run buildah on a storage of our own and return what it printed; SetupError if it fails."""
    storage = ["--root", str(_FOLDER / "storage"), "--runroot", str(_FOLDER / "run"), "--storage-driver", "vfs"]
    done = subprocess.run(["buildah", *storage, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"`buildah {shlex.join(arguments)}` failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout.strip()


def make_base() -> None:
    """Make the image that stands for `python:3.11-slim-bookworm`: pip and `python` in /usr/local, no compiler."""
    if _BASE in buildah("images", "--format", "{{.Name}}").splitlines():
        return
    root = make_root(_FOLDER / "base", "bookworm", _PACKAGES)
    subprocess.run(["chroot", str(root), "python3", "-m", "venv", "/usr/local"], check=True)
    container = buildah("from", "scratch")
    buildah("add", container, str(root), "/")
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    buildah("config", "--env", f"PATH={path}", container)
    buildah("commit", "--rm", container, _BASE)


def build() -> None:
    """Build the image as the Dockerfile says."""
    mounts = [f"--volume={path}:{path}:ro" for path in _FOR_PIP if path.exists()]
    dockerfile = str(_REPOSITORY / "deploy" / "Dockerfile")
    options = ["--isolation", "chroot", "--build-arg", f"PYTHON={_BASE}", *mounts]
    buildah("build", *options, "--file", dockerfile, "--tag", _IMAGE, str(_REPOSITORY))


def open_image() -> Image:
    """Return the image's root file system and its configuration."""
    container = buildah("from", "--pull-never", _IMAGE)
    config = json.loads(buildah("inspect", container))["OCIv1"]["config"]
    return Image(
        container=container,
        root=Path(buildah("mount", container)),
        user=config["User"],
        entrypoint=tuple(config["Entrypoint"]),
        environment=dict(variable.split("=", 1) for variable in config["Env"]),
    )


def set_up(programs: Sequence[str]) -> None:
    """Install what is missing."""
    if missing := [program for program in programs if shutil.which(program) is None]:
        with alone(_REPOSITORY) as lock:
            apt.install(missing, lock=lock)


def main() -> int:
    """Build, check, print; the exit status."""
    try:
        set_up(["buildah"])
        make_base()
        build()
        image = open_image()
        try:
            check_contents(image)
            asyncio.run(check_services(image))
        finally:
            buildah("rm", image.container)
    except (SetupError, CheckFailed) as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
