"""What `HttpEventPublisher` promises, against the real API and against one that misbehaves."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import ClientSession, web

from deploy.local.ports import free_port
from signalpost.events import CertificateIssued, TypedEvent
from signalpost.producer import InvalidEvent, Misconfigured, NewEvent, PublishTimeout
from signalpost.producer.http import HttpEventPublisher
from tests.support.http_server import http_server
from tests.support.receiver import Receiver
from tests.support.system import System, token

SOURCE = "/wipe/backend"


def _event(tenant: str) -> TypedEvent:
    return CertificateIssued(tenant=tenant, certificate_id="cert_42")


def _publisher(url: str, bearer: str | Callable[[], str]) -> HttpEventPublisher:
    return HttpEventPublisher(url, token=bearer, source=SOURCE)


async def test_an_event_published_twice_arrives_once(system: System, receiver: Receiver, tenant: str) -> None:
    await system.client(tenant).create_webhook(receiver.url("/hook"), "*")
    event = _event(tenant)
    async with _publisher(f"{system.url}/", lambda: token(tenant, "PRODUCER")) as publisher:
        first, second = [await publisher.publish(event) for _ in range(2)]
    [request] = await receiver.wait_for("/hook")
    await system.wait_for_states(tenant, "delivered")
    assert request.headers["webhook-id"] == first.id == second.id
    assert first.traceparent is not None
    assert first.traceparent[3:35] in request.headers["traceparent"]


async def test_a_token_that_is_not_good_for_it_is_an_error_that_says_so(system: System, tenant: str) -> None:
    async with _publisher(system.url, "no token") as publisher:
        with pytest.raises(Misconfigured, match="401"):
            await publisher.publish(_event(tenant))
    async with _publisher(system.url, token(tenant, "CLIENT_ADMIN")) as publisher:
        with pytest.raises(Misconfigured, match="403"):
            await publisher.publish(_event(tenant))
    async with _publisher(system.url, token(tenant, "PRODUCER")) as publisher:
        with pytest.raises(Misconfigured, match="own tenant"):
            await publisher.publish(_event("another"))


async def test_an_address_that_is_not_the_apis_is_an_error_that_says_so(system: System, tenant: str) -> None:
    async with _publisher(f"{system.url}/elsewhere", token(tenant)) as publisher:
        with pytest.raises(Misconfigured, match="/elsewhere/api/v1/events refuses"):
            await publisher.publish(_event(tenant))
    with pytest.raises(ValueError, match="must begin with http"):
        _publisher("signalpost.example.com", "token")


async def test_what_only_the_api_can_refuse_is_an_invalid_event_too() -> None:
    problem = {"status": 422, "code": "invalid_event", "detail": "data.sheets: is less than the minimum of 0"}
    async with http_server(_api(web.json_response(problem, status=422))) as url, _publisher(url, "t") as publisher:
        with pytest.raises(InvalidEvent, match=r"shredder\.jammed: .* data\.sheets: is less"):
            await publisher.publish(NewEvent(type="shredder.jammed", tenant="org_1", data={"sheets": -1}))


async def test_what_signalpost_would_refuse_is_not_sent() -> None:
    async with _publisher(f"http://127.0.0.1:{free_port()}", "t") as publisher:
        with pytest.raises(InvalidEvent, match=r"data\.certificate_id"):
            await publisher.publish(CertificateIssued(tenant="org_1", certificate_id=""))


async def test_an_api_that_is_busy_is_asked_again() -> None:
    busy = web.Response(status=503, headers={"Retry-After": "0"})
    api = _api(busy, web.Response(status=429), web.Response(status=202))
    async with http_server(api) as url, _publisher(url, "t") as publisher:
        assert (await publisher.publish(_event("org_1"))).type == "certificate.issued"


async def test_an_api_that_stays_away_is_a_timeout_that_says_why() -> None:
    async with _publisher(f"http://127.0.0.1:{free_port()}", "t") as publisher:
        with pytest.raises(PublishTimeout, match=r"the API is away: .*with the same id, again"):
            await publisher.publish(_event("org_1"), timeout=0.5)
    async with http_server(_api(web.Response(status=500, reason="Broken"))) as url, _publisher(url, "t") as publisher:
        with pytest.raises(PublishTimeout, match="500 Broken"):
            await publisher.publish(_event("org_1"), timeout=0.5)


async def test_it_waits_no_longer_than_it_was_told_for_an_answer_that_never_comes() -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    app.router.add_post("/api/v1/events", hang)
    async with http_server(app) as url, _publisher(url, "t") as publisher:
        with pytest.raises(PublishTimeout, match="no answer came"):
            await publisher.publish(_event("org_1"), timeout=0.2)


async def test_it_follows_no_redirection_with_its_token() -> None:
    moved = web.Response(status=307, headers={"Location": "https://elsewhere.example/api/v1/events"})
    async with http_server(_api(moved)) as url, _publisher(url, "t") as publisher:
        with pytest.raises(Misconfigured, match="307"):
            await publisher.publish(_event("org_1"))


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as own:
        yield own


async def test_an_applications_own_session_stays_open(session: ClientSession) -> None:
    async with http_server(_api(web.Response(status=202))) as url:
        async with HttpEventPublisher(url, token="t", source=SOURCE, session=session) as publisher:
            await publisher.publish(_event("org_1"))
        assert not session.closed


def _api(*answers: web.Response) -> web.Application:
    """One that gives these answers, the last one for ever."""
    left = list(answers)

    async def answer(_: web.Request) -> web.Response:
        given = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(status=given.status, reason=given.reason, headers=given.headers, body=given.body)

    app = web.Application()
    app.router.add_post("/api/v1/events", answer)
    return app
