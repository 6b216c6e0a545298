"""A stack of our own for tests that kill and wipe servers: others must not share it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local.inbox import Inbox
from deploy.local.mongodb import MongoDB
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.run_directory import RunDirectory
from deploy.local.stack import Stack


@pytest_asyncio.fixture(scope="session")
async def own_stack() -> AsyncIterator[Stack]:
    async with Stack("stack-test", environ={}) as stack:
        yield stack


@pytest.fixture
def rabbitmq(own_stack: Stack) -> RabbitMQ:
    assert own_stack.rabbitmq is not None
    return own_stack.rabbitmq


@pytest.fixture
def mongodb(own_stack: Stack) -> MongoDB:
    assert own_stack.mongodb is not None
    return own_stack.mongodb


@pytest.fixture
def inbox(own_stack: Stack) -> Inbox:
    assert own_stack.inbox is not None
    return own_stack.inbox


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[RunDirectory]:
    run = RunDirectory.create("unit", root=tmp_path / "runs")
    yield run
    run.delete()
