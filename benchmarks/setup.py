"""Sets up what only the benchmarks need, after `make setup`: nginx, and the packages of the peers.

`python -m benchmarks.setup` does what is left to do. The versions of everything else stay those of dev.lock.
"""

import subprocess
import sys

from benchmarks.bench import REPOSITORY
from benchmarks.nginx import program
from deploy.local import apt
from deploy.local.install import alone
from deploy.local.process import StackError
from deploy.local.virtualenv import SetupError


def main() -> int:
    """Install what is missing; the exit status."""
    try:
        with alone(REPOSITORY) as lock:
            if not _has_nginx():
                apt.install(["nginx-light"], lock=lock)
            _install_packages(lock)
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    return 0


def _has_nginx() -> bool:
    try:
        program()
    except StackError:
        return False
    return True


def _install_packages(lock: int) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-q", "--require-hashes"]
    command = [*pip, "-r", "requirements/bench.lock"]
    if subprocess.run(command, cwd=REPOSITORY, pass_fds=(lock,), check=False).returncode != 0:
        raise SetupError(f"this failed, its message is above: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main())
