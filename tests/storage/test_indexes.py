"""Indexes are made by whoever starts first, and follow the settings."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from shared.storage import Database


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    database = Database(stack.environment()["MONGODB_URL"], f"test-{uuid4().hex[:12]}", app="tests")
    yield database
    await database.aclose()


async def test_several_processes_may_make_them_at_once(database: Database) -> None:
    await asyncio.gather(*(database.ensure_indexes(30) for _ in range(5)))
    assert {"due", "retention"} <= set(await database.deliveries.index_information())


async def test_another_retention_period_takes_effect_at_the_next_start(database: Database) -> None:
    await database.ensure_indexes(30)
    await database.ensure_indexes(7)
    for collection in (database.events, database.deliveries, database.idempotency):
        indexes = await collection.index_information()
        assert indexes["retention"]["expireAfterSeconds"] == 7 * 86_400
