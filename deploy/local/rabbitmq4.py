"""Runs the tests against RabbitMQ 4, which Debian 12 does not have: against that of a newer Debian.

A root of that release is made once, with debootstrap, below `.rabbitmq4/`. Its RabbitMQ then runs like the system's
own: the programs that come first on PATH here see the newer release's `/usr` in a mount namespace of their own, and
everything else as it is. So the tests may kill, pause and wipe this broker too. It needs root.
"""

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

from deploy.local.debian import make_root
from deploy.local.virtualenv import SetupError

_REPOSITORY = Path(__file__).resolve().parents[2]
_PROGRAMS = ("rabbitmq-server", "rabbitmqctl", "rabbitmq-queues")
_MARK = "rabbitmq-defaults"  # by which `programs.rabbitmq_sbin` knows a folder of bare start scripts
_WRAPPER = """\
#!/bin/sh
# RabbitMQ's program of this name, with the /usr that it came in. Each step becomes the next: signals reach the last.
exec unshare --mount sh -c 'mount --bind "$0/usr" /usr && exec "$@"' {root} {program} "$@"
"""


def write_programs(folder: Path, root: Path) -> Path:
    """Write the programs that start this RabbitMQ into `folder`; returns where they lie in its root."""
    [inside] = (root / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin")
    home = Path("/") / inside.relative_to(root)
    folder.mkdir(exist_ok=True)
    (folder / _MARK).touch()
    for name in _PROGRAMS:
        wrapper = folder / name
        wrapper.write_text(_WRAPPER.format(root=shlex.quote(str(root)), program=shlex.quote(str(home / name))))
        wrapper.chmod(0o755)
    return home


def main() -> int:
    """Run pytest with the arguments that are not ours; its exit status."""
    parser = argparse.ArgumentParser(prog="rabbitmq4", description="Runs the tests against RabbitMQ 4.")
    parser.add_argument("--suite", default="trixie", help="the Debian release whose RabbitMQ is used")
    arguments, for_pytest = parser.parse_known_args()
    folder = _REPOSITORY / ".rabbitmq4" / arguments.suite
    try:
        home = write_programs(folder / "bin", make_root(folder, arguments.suite, ["rabbitmq-server"]))
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    print(f"{home.parent.name} of Debian {arguments.suite}", flush=True)
    environment = {name: value for name, value in os.environ.items() if name != "AMQP_URL"}
    environment["PATH"] = f"{folder / 'bin'}:{environment['PATH']}"
    tests = [sys.executable, "-m", "pytest", *for_pytest]
    return subprocess.run(tests, cwd=_REPOSITORY, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
