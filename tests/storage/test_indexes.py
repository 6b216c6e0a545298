"""Indexes are made by whoever starts first, and follow the settings."""

import asyncio

import pytest

from deploy.local.stack import Stack
from shared.storage import Database
from tests.support.system import running_system


async def test_several_processes_may_make_them_at_once(database: Database) -> None:
    await asyncio.gather(*(database.ensure_indexes(30) for _ in range(5)))
    assert {"due", "retention"} <= set(await database.deliveries.index_information())


async def test_another_retention_period_takes_effect_at_the_next_start(database: Database) -> None:
    await database.ensure_indexes(30)
    await database.ensure_indexes(7)
    for collection in (database.events, database.deliveries, database.idempotency):
        indexes = await collection.index_information()
        assert indexes["retention"]["expireAfterSeconds"] == 7 * 86_400


@pytest.mark.parametrize("earlier", [False, True], ids=["empty database", "indexes of an earlier version"])
async def test_four_processes_started_at_once_make_the_same_indexes(
    stack: Stack, database: Database, earlier: bool
) -> None:
    async with running_system(stack, services=()) as system:
        collections = ("subscriptions", "events", "deliveries", "idempotency", "confirmations")
        if earlier:
            await system.database.ensure_indexes(7)
            await system.database.deliveries.drop_index("mails")
            await system.database.events.create_index("an_index_we_dropped")
        await asyncio.gather(*(system.services.start(service, count=2) for service in ("api", "dispatcher")))
        made = {name: await getattr(system.database, name).index_information() for name in collections}
        await database.ensure_indexes(30)
        expected = {name: await getattr(database, name).index_information() for name in collections}
        if earlier:
            assert made["events"].pop("an_index_we_dropped_1")  # whoever runs the older version may need it
        assert made == expected
