"""Says what the benchmarks ran on, for the page: the machine and the versions, no names and no paths."""

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pymongo import MongoClient

from deploy.local.stack import Stack

_LIBRARIES = ("aio-pika", "aiohttp", "pymongo", "uvloop")


async def describe(stack: Stack) -> list[str]:
    """Return a few lines about the machine, the servers and the libraries."""
    assert stack.rabbitmq is not None
    assert stack.mongodb is not None
    overview = await stack.rabbitmq.management("GET", "/api/overview")
    with MongoClient[dict[str, object]](stack.mongodb.url) as client:
        mongodb = client.server_info()["version"]
    servers = f"RabbitMQ {overview['rabbitmq_version']} on Erlang {overview['erlang_version']}, MongoDB {mongodb}"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB of memory; everything runs on them",
        f"{servers}, Python {platform.python_version()}, Linux {platform.release().partition('-')[0]}",
        ", ".join(f"{library} {version(library)}" for library in _LIBRARIES),
        f"measured {datetime.now(UTC):%Y-%m-%d}",
    ]


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.machine()
