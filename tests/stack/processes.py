"""Which processes belong to a run of the local stack."""

from pathlib import Path

import psutil

from deploy.local.run_directory import MARK


def processes_of(run: Path) -> list[psutil.Process]:
    """All processes that carry the run's mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(run):
                found.append(process)
        except psutil.Error:
            continue
    return found
