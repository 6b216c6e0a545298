"""The door to `make setup`: finds a Python that is new enough and lets it do the work (`install.py`).

Standard library only, and readable for Python 3.7 too, so that an old one can say what is wrong.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

OLDEST = 11  # the minor version of Python 3
NEWEST = 15  # up to here others are looked for


def is_new_enough(python: str) -> bool:
    """Whether that program runs (a pyenv shim may exist and not run) and is a Python that Signalpost can use."""
    test = f"import sys; sys.exit(sys.version_info[:2] < (3, {OLDEST}))"
    return subprocess.call([python, "-c", test], stderr=subprocess.DEVNULL) == 0


def find_python() -> str | None:
    """This Python if it will do, else the newest on PATH that does, else None."""
    if sys.version_info >= (3, OLDEST):
        # Never that of a virtual environment: it may be the one that has to be made anew.
        return getattr(sys, "_base_executable", sys.executable)
    names = [f"python3.{minor}" for minor in range(NEWEST, OLDEST - 1, -1)]
    return next((path for path in map(shutil.which, names) if path and is_new_enough(path)), None)


def main() -> None:
    """Hand over to `install.py` under a good Python, in the repository."""
    python = find_python()
    if python is None:
        found = ".".join(map(str, sys.version_info[:2]))
        remedy = f"sudo apt-get install python3.{OLDEST}"
        sys.exit(f"set-up: Python 3.{OLDEST} or newer is needed, found {found}: {remedy}")
    os.chdir(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    os.execv(python, [python, "-m", "deploy.local.install", *sys.argv[1:]])  # noqa: S606 - no shell is what we want


if __name__ == "__main__":
    main()
