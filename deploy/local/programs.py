"""Where the server programs lie on this machine. Standard library only: the set-up asks before anything is there."""

import os
import shutil
import sysconfig
from pathlib import Path

from deploy.local.process import StackError

_DEBIAN_HOME = Path("/usr/lib/rabbitmq/lib")


def rabbitmq_sbin() -> Path:
    """The folder with RabbitMQ's bare start scripts; StackError with the remedy where it is not installed.

    A generic build on PATH comes first, so that another version can be tried. Debian's own `rabbitmq-server` on PATH
    is a wrapper that wants root and the system's data folder: its scripts lie elsewhere.
    """
    on_path = shutil.which("rabbitmq-server")
    if on_path and Path(on_path).resolve().with_name("rabbitmq-defaults").exists():
        return Path(on_path).resolve().parent
    installed = sorted(_DEBIAN_HOME.glob("rabbitmq_server-*/sbin"))
    if not installed:
        raise StackError("rabbitmq-server is missing: run `make setup`, or set AMQP_URL to a RabbitMQ of yours")
    return installed[-1]


def mongod(packages: Path | None = None) -> Path:
    """MongoDB's server: the one that a Python package carries, or one on PATH; StackError where there is none.

    `packages` is the folder of the Python packages, by default this Python's.
    """
    carried = (packages or Path(sysconfig.get_path("purelib"))) / "fiftyone" / "db" / "bin" / "mongod"
    if carried.exists():
        if not os.access(carried, os.X_OK):  # some installers drop the bit
            carried.chmod(0o755)
        return carried
    if on_path := shutil.which("mongod"):
        return Path(on_path)
    raise StackError(
        f"there is no mongod for this machine ({os.uname().machine}): "
        "install MongoDB 6 or newer, or set MONGODB_URL to a replica set of yours"
    )
