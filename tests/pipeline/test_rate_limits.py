"""A webhook's rate limit: how many requests come in any time, over two consumer processes, and what waiting costs."""

import asyncio

from tests.support.receiver import Receiver
from tests.support.system import System, certificate
from tests.support.waiting import eventually

LATENESS = 0.5
"""Seconds by which a busy machine may bring a request later than its slot, and so closer to the next."""


def most_within(times: list[float], seconds: float) -> int:
    """The most requests that came within so many seconds of one another."""
    return max(sum(start <= time <= start + seconds for time in times) for start in times)


async def test_a_rate_limit_holds_over_all_processes_and_costs_no_attempt(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    client = quick.client(tenant)
    rate, count = 5, 20
    webhook = await client.create_webhook(receiver.url("/limited"), "certificate.*", rate_limit=rate)
    await client.create_webhook(receiver.url("/free"), "certificate.*")
    await asyncio.gather(*(quick.publish(certificate(tenant)) for _ in range(count)))
    await receiver.wait_for("/free", count)
    assert len(receiver.at("/limited")) < count  # the other webhook did not wait for this one
    limited = await receiver.wait_for("/limited", count, within=60)
    times = [request.at for request in limited]
    for seconds in (1.0, 2.0):
        assert most_within(times, seconds) <= rate * (seconds + LATENESS) + 1
    assert len({request.headers["webhook-id"] for request in limited}) == count
    deliveries = await eventually(
        lambda: quick.deliveries(tenant, subscription_id=webhook["id"]),
        until=lambda seen: {delivery["state"] for delivery in seen} == {"delivered"},
    )
    assert {delivery["attempts_made"] for delivery in deliveries} == {1}


async def test_a_limit_that_is_lifted_holds_nobody_back_any_more(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    client = quick.client(tenant)
    webhook = await client.create_webhook(receiver.url("/in"), "certificate.*", rate_limit=0.01)
    first = certificate(tenant)
    await quick.publish(first)
    await receiver.wait_for("/in")
    await client.call("PATCH", f"/api/v1/webhooks/{webhook['id']}", {"rate_limit": 1000})
    await quick.publish(first | {"id": "second"})
    await receiver.wait_for("/in", 2)
