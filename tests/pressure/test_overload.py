"""When the broker takes nothing, the API refuses at the door instead of queueing without end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Stack
from services.api.http.admission import MAX_ADMITTED
from tests.support.receiver import Receiver
from tests.support.system import System, certificate, new_tenant, running_system
from tests.support.waiting import eventually_here

SERVICES = ("api", "dispatcher", "webhook")


@pytest.fixture
async def own_system() -> AsyncIterator[System]:
    async with (
        Stack("pressure", environ={}) as stack,
        running_system(stack, services=SERVICES, NOTIFICATION_RECONCILE_AFTER="3s") as running,
    ):
        yield running


# The alarm also blocks this test's own clients, whose library leaves a dead socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_blocked_broker_sheds_load_with_503_and_loses_nothing_that_was_stored(
    own_system: System, receiver: Receiver
) -> None:
    broker = own_system.stack.rabbitmq
    assert broker is not None
    tenant = new_tenant()
    client = own_system.client(tenant)
    await client.create_webhook(receiver.url("/in"))
    await broker.ctl("set_vm_memory_high_watermark", "0.00001")

    answers = await asyncio.gather(
        *(client.call("POST", "/api/v1/events", certificate(tenant)) for _ in range(MAX_ADMITTED + 100))
    )

    assert {answer.status for answer in answers} == {503}
    assert all(answer.headers["Retry-After"] for answer in answers)
    codes = Counter(answer.body["code"] for answer in answers)
    assert codes["overloaded"] >= 1
    assert codes["broker_unavailable"] >= 1
    assert set(codes) == {"overloaded", "broker_unavailable"}

    await broker.ctl("set_vm_memory_high_watermark", "0.4")
    stored = codes["broker_unavailable"]

    await eventually_here(
        lambda: {request.headers["webhook-id"] for request in receiver.at("/in")},
        until=lambda arrived: len(arrived) == stored,
        within=60,
    )
    accepted = await client.call("POST", "/api/v1/events", certificate(tenant))
    assert accepted.status == 202
