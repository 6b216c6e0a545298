"""The faults of a cluster: each takes away one server, one that leads or one that follows, until it is back.

Two of three at once would leave no majority: then nothing can move, and there is nothing to prove but that it goes on
afterwards, which the faults of the single servers prove already.
"""

import asyncio

from deploy.local.cluster import ClusterStack
from deploy.local.mongodb import MongoDB
from deploy.local.program import Server
from deploy.local.rabbitmq import RabbitMQ
from shared.model.topology import CHANNELS, EVENTS_TO_DISPATCH, to_send_queue
from tests.chaos.faults import (
    Kinds,
    close_connections,
    freeze_service,
    kill_service,
    roll_services,
    stop_mail_server,
)
from tests.chaos.world import World

NET_TICK = 60.0
"""Seconds of silence after which the nodes of a RabbitMQ cluster give each other up (`net_ticktime`)."""


async def kill_leader(world: World) -> None:
    """SIGKILL the RabbitMQ node that leads one of the busy queues."""
    await _kill(world, await _leader(world))


async def kill_primary(world: World) -> None:
    """SIGKILL MongoDB's primary."""
    await _kill(world, await cluster_of(world).primary())


async def freeze_leader(world: World) -> None:
    """Freeze a leading RabbitMQ node: others are elected, while its clients still hold their connections to it."""
    await _freeze(world, await _leader(world), seconds=world.random.uniform(1, 20))


async def freeze_follower(world: World) -> None:
    """Freeze a RabbitMQ node that does not lead, and a majority goes on without it."""
    leader = await _leader(world)
    followers = [node for node in cluster_of(world).nodes if node is not leader]
    await _freeze(world, world.random.choice(followers), seconds=world.random.uniform(1, 20))


async def part_node(world: World) -> None:
    """Freeze a leading RabbitMQ node until the others have given it up, as when the network parts them."""
    await _freeze(world, await _leader(world), seconds=NET_TICK * 1.5)


async def freeze_primary(world: World) -> None:
    """Freeze MongoDB's primary for longer than an election takes: there are two when it goes on."""
    await _freeze(world, await cluster_of(world).primary(), seconds=world.random.uniform(5, 20))


async def step_down(world: World) -> None:
    """Make MongoDB's primary step down in favour of another."""
    await (await cluster_of(world).primary()).step_down(seconds=5)
    await cluster_of(world).heal()


async def roll_nodes(world: World) -> None:
    """Restart every RabbitMQ node and every MongoDB member in order, one after the other, as an upgrade does."""
    stack = cluster_of(world)
    servers: list[RabbitMQ | MongoDB] = [*stack.nodes, *stack.members]
    for server in servers:
        await server.restart()
        await stack.heal()


CLUSTER_FAULTS: Kinds = {
    "kill_leader": (kill_leader, 10),
    "kill_primary": (kill_primary, 6),
    "freeze_leader": (freeze_leader, 3),
    "freeze_follower": (freeze_follower, 2),
    "part_node": (part_node, 1),
    "freeze_primary": (freeze_primary, 2),
    "step_down": (step_down, 2),
    "roll_nodes": (roll_nodes, 1),
    "kill_service": (kill_service, 5),
    "freeze_service": (freeze_service, 1),
    "roll_services": (roll_services, 1),
    "close_connections": (close_connections, 2),
    "stop_mail_server": (stop_mail_server, 1),
}
ROUND = sum(times for _, times in CLUSTER_FAULTS.values())
"""How many faults there are if each happens exactly as often as it says."""


def deal(world: World, count: int) -> list[str]:
    """Return the names of so many faults, round after round, each round shuffled."""
    dealt: list[str] = []
    while len(dealt) < count:
        one_round = [name for name, (_, times) in CLUSTER_FAULTS.items() for _ in range(times)]
        world.random.shuffle(one_round)
        dealt += one_round
    return dealt[:count]


def cluster_of(world: World) -> ClusterStack:
    """The servers of a world that was made on a cluster."""
    stack = world.system.stack
    assert isinstance(stack, ClusterStack)
    return stack


async def _leader(world: World) -> RabbitMQ:
    queue = world.random.choice([EVENTS_TO_DISPATCH, *map(to_send_queue, CHANNELS)])
    return await cluster_of(world).leader(world.system.vhost, queue)


async def _kill(world: World, server: Server) -> None:
    await server.kill()
    await asyncio.sleep(world.random.uniform(0, 5))
    await server.start()
    await cluster_of(world).heal()


async def _freeze(world: World, server: Server, *, seconds: float) -> None:
    await server.pause()
    with world.large_bodies():
        await asyncio.sleep(seconds)
    await server.resume()
    await cluster_of(world).heal()
