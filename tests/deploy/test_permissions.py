"""Each user of the broker can do what its program does, and nothing else. Asked of the real broker, one by one."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import aio_pika
import pytest
from aiormq.abc import AbstractChannel as RawChannel
from aiormq.exceptions import ChannelAccessRefused, PublishError

from deploy.rabbitmq.definitions import VHOST
from deploy.rabbitmq.users import users
from shared.broker import BrokerUnavailable, Publisher
from shared.model.topology import topology
from tests.deploy.conftest import Broker

pytestmark = pytest.mark.usefixtures("emptied")

USERS = ("api", "dispatcher", "webhook", "mailer", "operator", "producer-wipe", "producer-guardian")
SENDERS = {"dispatcher", "webhook", "mailer", "operator"}
CONSUMERS = {
    "events.to_dispatch": {"dispatcher"},
    "events.set_aside": {"dispatcher"},
    "notifications.to_send.webhook": {"webhook"},
    "notifications.to_send.email": {"mailer"},
}
"""Whose work a queue is; the operator may read every queue, and nobody else any other."""
PUBLISHERS = {
    "events": set(USERS),
    "events.aside": {"dispatcher"},
    "notifications.to_send": SENDERS | {"api"},
    "notifications.retry": SENDERS | {"api"},
    "notifications.dead": SENDERS,
    "": set[str](),  # the default exchange leads into every queue
    "amq.topic": set[str](),
}
OWN = {"webhook.test", "webhook.disabled", "delivery.dead_lettered", "billing.export.delivery_updated"}
WIPE = {"certificate.issued", "proof.failed", "user.invited", "billing.export.ready"}
GUARDIAN = {"signing.completed", "policy.violated", "signer.revoked"}
FOREIGN = {"anything.else", "certificate", "mycertificate.issued", "certificates.issued", "x.certificate.issued"}
EMITS: Mapping[str, set[str]] = {
    "api": OWN | WIPE | GUARDIAN | FOREIGN,
    "dispatcher": OWN | WIPE | GUARDIAN | FOREIGN,
    "operator": OWN | WIPE | GUARDIAN | FOREIGN,
    "webhook": OWN,
    "mailer": OWN,
    "producer-wipe": WIPE,
    "producer-guardian": GUARDIAN,
}

each_user = pytest.mark.parametrize("user", USERS)
each_service = pytest.mark.parametrize("user", ["api", "dispatcher", "webhook", "mailer"])
each_producer = pytest.mark.parametrize("user", ["producer-wipe", "producer-guardian"])


@pytest.fixture
async def emptied(broker: Broker) -> AsyncIterator[None]:
    """Leave no message of these tests behind."""
    yield
    await broker.server.management("DELETE", f"/api/queues/{VHOST}/events.to_dispatch/contents")


def test_every_user_is_tested() -> None:
    assert {user.name for user in users()} == set(USERS)


@each_user
async def test_a_user_takes_messages_only_from_the_queues_that_are_its_work(broker: Broker, user: str) -> None:
    queues = [queue.name for queue in topology().queues]
    allowed = {queue for queue in queues if await may_take(broker, user, queue)}
    assert allowed == {queue for queue in queues if user == "operator" or user in CONSUMERS.get(queue, ())}


@each_user
async def test_a_user_publishes_only_to_the_exchanges_that_its_work_needs(broker: Broker, user: str) -> None:
    key = min(EMITS[user])
    allowed = {exchange for exchange in PUBLISHERS if await may_publish(broker, user, exchange, key)}
    assert allowed == {exchange for exchange, who in PUBLISHERS.items() if user in who}


@each_user
async def test_a_user_emits_only_events_of_its_own_types(broker: Broker, user: str) -> None:
    types = OWN | WIPE | GUARDIAN | FOREIGN
    allowed = {type_ for type_ in types if await may_publish(broker, user, "events", type_)}
    assert allowed == EMITS[user]


@each_user
async def test_nobody_can_make_queues_or_exchanges_that_the_topology_does_not_name(broker: Broker, user: str) -> None:
    assert not await may(broker, user, lambda raw: raw.queue_declare("mine", durable=True))
    assert not await may(broker, user, lambda raw: raw.queue_declare("", exclusive=True))
    assert not await may(broker, user, lambda raw: raw.queue_declare("events.to_dispatch.copy", durable=True))
    assert not await may(broker, user, lambda raw: raw.exchange_declare("events2", exchange_type="topic"))


@each_producer
async def test_a_producer_can_change_nothing_of_the_topology(broker: Broker, user: str) -> None:
    queue = "events.to_dispatch"
    for deed in (
        lambda raw: raw.exchange_declare("events", exchange_type="topic", durable=True),
        lambda raw: raw.exchange_delete("events"),
        lambda raw: raw.queue_bind(queue, "events", routing_key="#"),
        lambda raw: raw.queue_unbind(queue, "events", routing_key="#"),
        lambda raw: raw.queue_purge(queue),
        lambda raw: raw.queue_delete(queue),
    ):
        assert not await may(broker, user, deed)


@each_service
async def test_no_service_can_purge_what_is_not_its_work(broker: Broker, user: str) -> None:
    assert not await may(broker, user, lambda raw: raw.queue_purge("notifications.dlq.webhook"))


async def test_a_lost_queue_is_made_anew_by_the_operator_and_not_by_whose_work_it_is_not(broker: Broker) -> None:
    await broker.server.management("DELETE", f"/api/queues/{VHOST}/events.to_dispatch")
    with pytest.raises(BrokerUnavailable, match=r"access to queue 'events\.to_dispatch'"):
        await declare_as(broker, "webhook")
    await declare_as(broker, "operator")
    await declare_as(broker, "webhook")


async def test_the_operator_can_make_the_whole_topology_anew(broker: Broker) -> None:
    for queue in topology().queues:
        await broker.server.management("DELETE", f"/api/queues/{VHOST}/{queue.name}")
    await declare_as(broker, "operator")
    made = await broker.server.management("GET", f"/api/queues/{VHOST}")
    assert {queue["name"] for queue in made} == {queue.name for queue in topology().queues}


async def declare_as(broker: Broker, user: str) -> None:
    publisher = Publisher(broker.url(user), name="tests", topology=topology())
    await publisher.connect()
    await publisher.aclose()


async def may_take(broker: Broker, user: str, queue: str) -> bool:
    """Whether a user may take messages from a queue; what it gets goes back."""
    return await may(broker, user, lambda raw: raw.basic_get(queue))


async def may_publish(broker: Broker, user: str, exchange: str, routing_key: str) -> bool:
    """Whether the broker takes a message for this exchange, be it to return it because no queue wants it."""

    async def publish(raw: RawChannel) -> object:
        try:
            return await raw.basic_publish(b"{}", exchange=exchange, routing_key=routing_key, mandatory=True)
        except PublishError as returned:
            return returned

    return await may(broker, user, publish)


async def may(broker: Broker, user: str, deed: Callable[[RawChannel], Awaitable[object]]) -> bool:
    """Whether the broker lets a user do this; refused is only what it closes the channel for with 403."""
    async with channel_of(broker, user) as raw:
        try:
            await deed(raw)
        except ChannelAccessRefused:
            return False
        return True


@asynccontextmanager
async def channel_of(broker: Broker, user: str) -> AsyncIterator[RawChannel]:
    async with await aio_pika.connect(broker.url(user)) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        yield await channel.get_underlay_channel()
