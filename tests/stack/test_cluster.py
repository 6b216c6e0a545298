"""The local clusters, and our clients on them, while servers that lead are lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from deploy.local.cluster import ClusterStack
from deploy.local.ports import free_port
from deploy.local.rabbitmq import RabbitMQ
from shared.broker import BrokerUnavailable, Publisher
from shared.broker.browser import queue_states
from shared.model.routing import Outgoing
from shared.model.topology import EVENTS, EVENTS_TO_DISPATCH, topology
from shared.storage import Database, Deliveries, Subscriptions
from signalpost.amqp.urls import each_url
from tests.support.waiting import eventually

VHOST = "cluster"

# The clients lose their servers, and their libraries leave a dead socket to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.timeout(400),  # three nodes start, and elections take their time beside busy cores
]


@pytest.fixture(scope="module")
async def cluster() -> AsyncIterator[ClusterStack]:
    async with ClusterStack("cluster-test") as stack:
        yield stack


@pytest.fixture(scope="module")
async def publisher(cluster: ClusterStack) -> AsyncIterator[Publisher]:
    """Connected; all queues are declared, and the cluster is whole."""
    publisher = Publisher(await cluster.rabbitmq.create_vhost(VHOST), name="tests", topology=topology())
    await publisher.connect()
    await cluster.rabbitmq.settle()
    await cluster.heal()
    yield publisher
    await publisher.aclose()


@pytest.fixture
async def database(cluster: ClusterStack) -> AsyncIterator[Database]:
    database = Database(cluster.mongodb.url, f"test-{uuid4().hex[:12]}", app="tests")
    yield database
    await database.aclose()


async def test_every_queue_has_a_member_on_each_node(cluster: ClusterStack, publisher: Publisher) -> None:
    queues = await cluster.rabbitmq.management("GET", f"/api/queues/{VHOST}?columns=members")
    assert len(queues) == len(topology().queues)
    assert all(set(queue["members"]) == {node.node for node in cluster.nodes} for queue in queues)


async def test_confirmed_messages_outlive_the_leader_and_publishing_goes_on_without_it(
    cluster: ClusterStack, publisher: Publisher
) -> None:
    message = Outgoing(exchange=EVENTS, routing_key="certificate.issued", body=b"{}")
    await asyncio.gather(*(publisher.publish(message) for _ in range(50)))
    leader = await cluster.leader(VHOST, EVENTS_TO_DISPATCH)
    await leader.kill()
    try:
        await asyncio.gather(*(publisher.publish(message) for _ in range(50)))
        states = await queue_states(cluster.rabbitmq.amqp_url(VHOST), [EVENTS_TO_DISPATCH], name="tests")
    finally:
        await leader.start()
        await cluster.heal()
    state = states[EVENTS_TO_DISPATCH]
    assert state is not None
    assert state.messages >= 100  # more where a confirm was lost on the way and the message sent again


async def test_a_channel_that_first_meets_a_queue_while_its_leader_is_lost_is_given_up_for_another(
    cluster: ClusterStack, publisher: Publisher
) -> None:
    leader = await cluster.leader(VHOST, EVENTS_TO_DISPATCH)
    other = next(node for node in cluster.nodes if node is not leader)
    url = each_url(cluster.rabbitmq.amqp_url(VHOST))[cluster.nodes.index(other)]
    newcomer = Publisher(url, name="newcomer", topology=None)
    await newcomer.connect()
    await leader.pause()
    message = Outgoing(exchange=EVENTS, routing_key="certificate.issued", body=b"{}")
    publishing = asyncio.create_task(newcomer.publish(message))
    await asyncio.sleep(1)  # the channel is asking the frozen leader whether it may
    await leader.kill()
    try:
        await asyncio.wait_for(publishing, timeout=120)
    finally:
        await newcomer.aclose()
        await leader.start()
        await cluster.heal()


async def test_a_frozen_node_holds_nobody_while_the_others_take_what_is_published(
    cluster: ClusterStack, publisher: Publisher
) -> None:
    url = cluster.rabbitmq.amqp_url(VHOST)
    bystander = Publisher(url, name="bystander", topology=None, confirm_timeout=6)
    await bystander.connect()
    frozen = await _node_of(cluster, "bystander")
    large = Outgoing(exchange=EVENTS, routing_key="certificate.issued", body=b"x" * 100_000)
    await frozen.pause()
    try:
        publishing = [asyncio.create_task(bystander.publish(large)) for _ in range(200)]
        publishing += [asyncio.create_task(bystander.publish_all([large] * 20)) for _ in range(5)]
        await asyncio.wait_for(asyncio.gather(*publishing), timeout=150)
        await asyncio.wait_for(bystander.aclose(), timeout=60)
    finally:
        await frozen.resume()
        await cluster.heal()


async def _node_of(cluster: ClusterStack, client: str) -> RabbitMQ:
    """The node that a client is connected to."""

    async def found() -> RabbitMQ | None:
        for connection in await cluster.rabbitmq.management("GET", "/api/connections"):
            if connection.get("client_properties", {}).get("connection_name") == client:
                return next(node for node in cluster.nodes if node.node == connection["node"])
        return None

    node = await eventually(found, within=60)
    assert node is not None
    return node


async def test_any_node_answers_for_the_cluster_while_the_first_is_down(
    cluster: ClusterStack, publisher: Publisher
) -> None:
    await cluster.rabbitmq.kill()
    try:
        assert await eventually(lambda: _leads(cluster), within=150)  # RabbitMQ's elections, not ours
        assert len(each_url(cluster.rabbitmq.amqp_url(VHOST))) == len(cluster.nodes)
    finally:
        await cluster.rabbitmq.start()
        await cluster.heal()


async def _leads(cluster: ClusterStack) -> bool:
    queues = await cluster.rabbitmq.management("GET", f"/api/queues/{VHOST}?columns=leader")
    return all(queue["leader"] not in (None, cluster.rabbitmq.node) for queue in queues)


async def test_a_write_goes_on_under_the_next_primary(cluster: ClusterStack, database: Database) -> None:
    await database.deliveries.insert_one({"_id": "before"})
    primary = await cluster.primary()
    await primary.kill()
    try:
        await database.hold(lambda: database.deliveries.replace_one({"_id": "after"}, {}, upsert=True))
        assert {found["_id"] async for found in database.deliveries.find()} == {"before", "after"}
    finally:
        await primary.start()
        await cluster.heal()


async def test_a_change_that_finds_no_majority_waits_for_one(cluster: ClusterStack, database: Database) -> None:
    deliveries = Deliveries(database, Subscriptions(database))
    due_at = datetime(2030, 1, 1, tzinfo=UTC)
    await database.deliveries.insert_one({"_id": "dlv_1", "state": "pending"})
    primary = await cluster.primary()
    followers = [member for member in cluster.members if member is not primary]
    for follower in followers:
        await follower.pause()
    change = asyncio.create_task(deliveries.defer("dlv_1", due_at))
    try:
        await eventually(lambda: _waits_or_ended(database, change), within=60)
        assert not change.done()
    finally:
        for follower in followers:
            await follower.resume()
    await change
    found = await database.deliveries.find_one({"_id": "dlv_1"})
    assert found is not None
    assert found["due_at"] == due_at
    await cluster.heal()


async def _waits_or_ended(database: Database, change: asyncio.Task[None]) -> bool:
    return change.done() or not database.is_ready


async def test_a_client_finds_the_one_node_that_lives_wherever_the_url_names_it(rabbitmq: RabbitMQ) -> None:
    dead = [f"amqp://user:password@127.0.0.1:{free_port()}/" for _ in range(2)]
    for urls in ([rabbitmq.amqp_url(), *dead], [*dead, rabbitmq.amqp_url()]):
        publisher = Publisher(",".join(urls), name="tests", topology=None)
        await publisher.connect()
        assert publisher.is_ready
        await publisher.aclose()
    with pytest.raises(BrokerUnavailable, match="ConnectionError"):
        await Publisher(",".join(dead), name="tests", topology=None).connect()
