"""Programs of other makers that single tests need: found, or as root installed, or the test is skipped.

What every test needs belongs to the set-up (`deploy/local/install.py`) instead.
"""

import functools
import os
import shutil
from pathlib import Path

import pytest

from deploy.local import apt
from deploy.local.install import alone
from deploy.local.virtualenv import SetupError

_REPOSITORY = Path(__file__).parents[2]


def program(name: str, *, package: str) -> Path:
    """The program of that name; where it is missing, root installs the Debian package (no service is started).

    Skips the test where it can't be had, with the command that would help.
    """
    found = _find(name) or _installed(name, package)
    if isinstance(found, str):
        pytest.skip(found)
    return found


def _find(name: str) -> Path | None:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"  # a plain user's PATH lacks these
    found = shutil.which(name, path=path)
    return Path(found) if found else None


@functools.cache  # an installation that failed is not tried again by each test
def _installed(name: str, package: str) -> Path | str:
    """The program, or why there is none."""
    with alone(_REPOSITORY) as lock:
        try:
            if _find(name) is None:  # another process may have installed it while we waited
                apt.install([package], lock=lock)
        except SetupError as error:
            return f"{name}: {str(error).splitlines()[0]}"
    return _find(name) or f"{name}: Debian's package {package} does not have it"
