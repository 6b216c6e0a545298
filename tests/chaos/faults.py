"""The faults, one function each: inject, wait, and put right only what an orchestrator or an operator would."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from deploy.local.rabbitmq import RabbitMQ
from tests.chaos.world import World
from tests.support.waiting import eventually

Fault = Callable[[World], Awaitable[None]]
Kinds = Mapping[str, tuple[Fault, int]]
"""Faults by name, each with how often it happens relative to the others."""


async def kill_service(world: World) -> None:
    """SIGKILL a service at a random moment; the orchestrator starts it again."""
    service = world.system.services[world.random.choice(world.service_names)]
    await service.kill()
    await asyncio.sleep(world.random.uniform(0, 2))
    await service.start()


async def freeze_service(world: World) -> None:
    """SIGSTOP a service for up to 20 s, then let it go on."""
    service = world.system.services[world.random.choice(world.service_names)]
    await service.pause()
    await asyncio.sleep(world.random.uniform(1, 20))
    await service.resume()


async def roll_services(world: World) -> None:
    """Restart every service in order with SIGTERM, one after the other, under load."""
    for name in world.service_names:
        await world.system.services[name].restart()


async def kill_broker(world: World) -> None:
    """SIGKILL RabbitMQ and start it again."""
    broker = _broker(world)
    await broker.kill()
    await asyncio.sleep(world.random.uniform(0, 5))
    await broker.start()


async def freeze_broker(world: World) -> None:
    """Freeze RabbitMQ under large bodies, also for longer than a confirm may be owed."""
    broker = _broker(world)
    await broker.pause()
    with world.large_bodies():
        await asyncio.sleep(world.random.choice([world.random.uniform(1, 15), 45]))
    await broker.resume()


async def close_connections(world: World) -> None:
    """Close every AMQP connection of the system through the management API."""
    broker = _broker(world)
    for connection in await broker.management("GET", "/api/connections"):
        if connection.get("vhost") == world.system.vhost:
            await broker.close_connection(connection["name"])


async def memory_alarm(world: World) -> None:
    """Make RabbitMQ believe that its memory is full: it blocks everybody who publishes."""
    broker = _broker(world)
    await broker.ctl("set_vm_memory_high_watermark", "0.00001")
    await asyncio.sleep(world.random.uniform(2, 10))
    await broker.ctl("set_vm_memory_high_watermark", "0.4")


async def disk_alarm(world: World) -> None:
    """Make RabbitMQ believe that its disk is full."""
    broker = _broker(world)
    await broker.ctl("set_disk_free_limit", "100000GB")
    await asyncio.sleep(world.random.uniform(2, 10))
    await broker.ctl("set_disk_free_limit", "50MB")


async def lose_broker_data(world: World) -> None:
    """Throw away everything RabbitMQ has, once all that was confirmed is dispatched."""
    await world.quiesce_dispatch()
    broker = _broker(world)
    await broker.wipe()
    await broker.create_vhost(world.system.vhost)
    world.publishing.set()


async def kill_database(world: World) -> None:
    """SIGKILL MongoDB and start it again."""
    database = world.system.stack.mongodb
    assert database is not None
    await database.kill()
    await asyncio.sleep(world.random.uniform(0, 5))
    await database.start()


async def freeze_database(world: World) -> None:
    """Freeze MongoDB."""
    database = world.system.stack.mongodb
    assert database is not None
    await database.pause()
    await asyncio.sleep(world.random.uniform(1, 15))
    await database.resume()


async def step_down(world: World) -> None:
    """Make MongoDB's primary step down."""
    database = world.system.stack.mongodb
    assert database is not None
    await eventually(database.is_primary, within=60)  # the election after the last time may not be over
    await database.step_down(seconds=5)


async def stop_mail_server(world: World) -> None:
    """Stop the SMTP server for a while."""
    inbox = world.system.stack.inbox
    assert inbox is not None
    await inbox.kill()
    await asyncio.sleep(world.random.uniform(1, 10))
    await inbox.start()


FAULTS: Kinds = {
    "kill_service": (kill_service, 10),
    "freeze_service": (freeze_service, 3),
    "roll_services": (roll_services, 1),
    "kill_broker": (kill_broker, 2),
    "freeze_broker": (freeze_broker, 1),
    "close_connections": (close_connections, 4),
    "memory_alarm": (memory_alarm, 2),
    "disk_alarm": (disk_alarm, 2),
    "lose_broker_data": (lose_broker_data, 1),
    "kill_database": (kill_database, 2),
    "freeze_database": (freeze_database, 2),
    "step_down": (step_down, 2),
    "stop_mail_server": (stop_mail_server, 2),
}


def draw(world: World, count: int) -> list[str]:
    """Return the names of so many faults: each kind at least once if there is room, the rest by weight."""
    names = list(FAULTS)
    drawn = names[:count] + world.random.choices(
        names, weights=[FAULTS[name][1] for name in names], k=max(0, count - len(names))
    )
    world.random.shuffle(drawn)
    return drawn


def _broker(world: World) -> RabbitMQ:
    broker = world.system.stack.rabbitmq
    assert broker is not None
    return broker
