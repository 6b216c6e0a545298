"""An API in the test's own process, for settings that the shared one does not have."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.local.ports import free_port
from services.api.settings import ApiSettings
from services.api.wiring import Api
from tests.support.system import System
from tests.support.waiting import eventually


@asynccontextmanager
async def serving(api: System, **changes: str) -> AsyncIterator[tuple[Api, int]]:
    """An API in this process, with the settings of the running one but for some."""
    environment = api.environment | changes
    port = free_port()
    settings = ApiSettings.model_validate(
        {name.lower(): value for name, value in environment.items()} | {"api_host": "127.0.0.1", "api_port": port}
    )
    service = Api(settings)
    running = asyncio.create_task(service.run())
    try:
        await eventually(lambda: answers(port))
        yield service, port
    finally:
        await service.stop()
        await running


async def answers(port: int) -> bool:
    """Whether somebody listens."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
