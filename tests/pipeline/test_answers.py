"""What each answer of a receiver leads to, from redirects to bodies that never end."""

import pytest
from aiohttp import web

from tests.support.receiver import Answer, Receiver, drip, hang, receiving, reset
from tests.support.system import System, certificate


async def partial(request: web.Request) -> web.StreamResponse:
    """Answer 200, announce more than is sent, and hang up."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"half of it")
    if request.transport is not None:
        request.transport.abort()
    return response


async def bomb(request: web.Request) -> web.StreamResponse:
    """Answer 200 with megabytes that nobody asked for."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(1000):
        await response.write(b"x" * 100_000)
    return response


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_a_2xx_is_delivered_in_one_attempt(quick: System, receiver: Receiver, tenant: str, status: int) -> None:
    await quick.client(tenant).create_webhook(receiver.script("/", status))
    await quick.publish(certificate(tenant))
    [delivery] = await quick.wait_for_states(tenant, "delivered")
    assert [attempt["status"] for attempt in delivery["attempts"]] == [status]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_never_followed(
    quick: System, receiver: Receiver, tenant: str, status: int
) -> None:
    elsewhere = web.Response(status=status, headers={"Location": receiver.url("/elsewhere")})
    await quick.client(tenant).create_webhook(receiver.script("/", elsewhere), "certificate.*")
    await quick.publish(certificate(tenant))
    [delivery] = await quick.wait_for_states(tenant, "dead")
    assert {attempt["status"] for attempt in delivery["attempts"]} == {status}
    assert receiver.at("/elsewhere") == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_5xx_is_retried_until_it_arrives(quick: System, receiver: Receiver, tenant: str, status: int) -> None:
    await quick.client(tenant).create_webhook(receiver.script("/", status, status, status, 200))
    await quick.publish(certificate(tenant))
    [delivery] = await quick.wait_for_states(tenant, "delivered")
    assert [attempt["status"] for attempt in delivery["attempts"]] == [status] * 3 + [200]


async def test_a_4xx_that_the_operator_opted_in_is_retried(quick: System, receiver: Receiver, tenant: str) -> None:
    await quick.client(tenant).create_webhook(receiver.script("/", 429, 425, 200))
    await quick.publish(certificate(tenant))
    [delivery] = await quick.wait_for_states(tenant, "delivered")
    assert [attempt["status"] for attempt in delivery["attempts"]] == [429, 425, 200]


@pytest.mark.parametrize(
    ("answer", "error"), [(drip, "timeout"), (hang, "timeout"), (reset, "reset"), (partial, "reset")]
)
async def test_an_answer_that_does_not_end_well_is_a_failure_that_is_retried(
    quick: System, receiver: Receiver, tenant: str, answer: Answer, error: str
) -> None:
    url = receiver.script("/", answer, 200)
    await quick.client(tenant).create_webhook(url, "certificate.*", retry_schedule=["100ms"])
    await quick.publish(certificate(tenant))
    [delivery] = await quick.wait_for_states(tenant, "delivered")
    first, second = delivery["attempts"]
    assert (first["error"], second["error"]) == (error, None)
    if error == "timeout":
        assert first["duration_ms"] >= 2000


async def test_nobody_listening_is_a_failure_that_is_retried(quick: System, tenant: str) -> None:
    async with receiving() as gone:
        url = gone.url("/")
    await quick.client(tenant).create_webhook(url, "certificate.*")
    await quick.publish(certificate(tenant))
    [delivery] = await quick.wait_for_states(tenant, "dead")
    assert [attempt["error"] for attempt in delivery["attempts"]] == ["connect"] * 4
    assert delivery["reason"] == "retries_exhausted"


async def test_an_answer_of_megabytes_is_delivered_and_only_its_beginning_kept(
    quick: System, receiver: Receiver, tenant: str
) -> None:
    await quick.client(tenant).create_webhook(receiver.script("/", bomb))
    await quick.publish(certificate(tenant))
    [delivery] = await quick.wait_for_states(tenant, "delivered")
    assert delivery["attempts"][0]["excerpt"] == "x" * 1024


async def test_a_compressed_answer_is_not_expanded(quick: System, receiver: Receiver, tenant: str) -> None:
    zipped = web.Response(body=b"\x1f\x8b\x08 not really", headers={"Content-Encoding": "gzip"})
    await quick.client(tenant).create_webhook(receiver.script("/", zipped))
    await quick.publish(certificate(tenant))
    await quick.wait_for_states(tenant, "delivered")


@pytest.mark.parametrize("retry_schedule", [[], ["50ms"], ["10ms"] * 6])
async def test_a_webhook_may_have_a_schedule_of_its_own(
    quick: System, receiver: Receiver, tenant: str, retry_schedule: list[str]
) -> None:
    url = receiver.script("/", 500)
    await quick.client(tenant).create_webhook(url, "certificate.*", retry_schedule=retry_schedule)
    await quick.publish(certificate(tenant))
    [delivery] = await quick.wait_for_states(tenant, "dead")
    assert [attempt["number"] for attempt in delivery["attempts"]] == [*range(1, len(retry_schedule) + 2)]
    assert len(receiver.at("/")) == len(retry_schedule) + 1
