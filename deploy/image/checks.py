"""What is expected of the built image: its contents, and that its services become ready with almost no rights."""

import shlex
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from deploy.local.services import Service, Services
from deploy.local.settings import development_settings
from deploy.local.stack import Stack

_SERVICES = ("api", "dispatcher", "notifications")
_BUILD_TOOLS = ("cc", "gcc", "g++", "clang", "make", "git", "cargo")
# A root that nobody can write to, and in it the user of the image: what `read_only: true` gives a container.
_START = (
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && mount -t proc proc "$0/proc"'
    ' && exec chroot --userspec="$1" "$0" "${@:2}"'
)


class CheckFailed(Exception):
    """The image is not what it should be; the text says how."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """A built image, with its root file system mounted."""

    container: str
    root: Path
    user: str
    entrypoint: tuple[str, ...]
    environment: dict[str, str]


def check_contents(image: Image) -> None:
    """See that nothing is in it that only building needs, and print its size."""
    folders = [image.root / name for name in ("bin", "usr/bin", "usr/local/bin", "app/venv/bin")]
    tools = sorted({f"{folder}/{tool}" for folder in folders for tool in _BUILD_TOOLS if (folder / tool).exists()})
    [packages] = image.root.glob("app/venv/lib/python3.*/site-packages")
    tools += [name for name in ("pip", "setuptools", "wheel", "hatchling", "pytest") if (packages / name).exists()]
    if tools:
        raise CheckFailed(f"these are in the image: {', '.join(tools)}")
    everything, ours = (_megabytes(folder) for folder in (image.root, image.root / "app"))
    print(f"image: no compiler, no pip in /app; {everything} MB, of which /app has {ours}", flush=True)


async def check_services(image: Image) -> None:
    """Start services of the image beside a broker and a database, and see that they are ready and have no rights."""
    program = ["unshare", "--mount", "bash", "-c", _START, str(image.root), image.user, *image.entrypoint]
    async with Stack("image", environ={}) as stack:
        settings = stack.environment() | development_settings() | image.environment | {"PYTHONPATH": ""}
        async with Services(stack.directory, settings, program=program) as services:
            for name in _SERVICES:
                [service] = await services.start(name)
                await _check_service(service, image)
                print(f"image: `{shlex.join(image.entrypoint)} {name}` is live and ready, as user {image.user}")


async def _check_service(service: Service, image: Image) -> None:
    process = Path(f"/proc/{service.pid}")
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    user, _, group = image.user.partition(":")
    if status["Uid"].split() != [user] * 4 or status["Gid"].split() != [group] * 4:
        raise CheckFailed(f"{service.name} runs as {status['Uid']}, {status['Gid']}")
    if int(status["CapEff"], 16):
        raise CheckFailed(f"{service.name} has capabilities: {status['CapEff']}")
    mounts = (line.split() for line in (process / "mountinfo").read_text().splitlines())
    if "ro" not in next(fields[5] for fields in mounts if fields[4] == "/").split(","):
        raise CheckFailed(f"{service.name} runs on a root that can be written to")
    async with aiohttp.ClientSession() as session, session.get(f"{service.url}/health/live") as answer:
        if answer.status != 200:
            raise CheckFailed(f"{service.name} is not live: {answer.status}")


def _megabytes(folder: Path) -> int:
    files = (path.lstat() for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    return round(sum(file.st_size for file in files) / 1_000_000)
