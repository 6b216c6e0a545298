"""The dispatcher as a service, before it has reached anything."""

from typing import Any

from pydantic import SecretStr

from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.wiring import Dispatcher


async def test_a_dispatcher_that_has_not_started_is_not_ready_and_can_be_stopped() -> None:
    values: dict[str, Any] = {
        "environment": "production",
        "amqp_url": SecretStr("amqp://127.0.0.1:1/"),
        "mongodb_url": SecretStr("mongodb://127.0.0.1:1/"),
    }
    dispatcher = Dispatcher(DispatcherSettings(**values))
    assert dispatcher.checks() == {"broker": False, "database": True}
    await dispatcher.stop()
