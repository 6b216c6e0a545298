"""Tasks of the broker's client that are still there: of ours, of its library's, and of the servers of these tests."""

import asyncio
from typing import Any

_PLACES = ("aiormq", "shared/broker", "tests/broker")


def broker_tasks() -> set[asyncio.Task[Any]]:
    """Those that run now; other tests' own background tasks are left out."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return {task for task in tasks if any(place in repr(task) for place in _PLACES)}
