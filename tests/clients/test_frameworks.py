"""Receivers in FastAPI, Flask and Django take what Signalpost sends, and answer 401 to what another secret signed."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any

import django
import flask
import pytest
import uvicorn
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path
from fastapi import Depends, FastAPI
from werkzeug.serving import make_server

from deploy.local.ports import free_port
from signalpost.receiver import NotVerified, ReceivedEvent, Verifier
from signalpost.receiver.django import signed
from signalpost.receiver.starlette import SignedRequests
from tests.support.system import System, certificate
from tests.support.waiting import eventually_here

OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Serving = Callable[[int, Verifier, list[ReceivedEvent]], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def fastapi_app(port: int, verifier: Verifier, seen: list[ReceivedEvent]) -> AsyncIterator[None]:
    """As the README shows it."""
    app = FastAPI()

    @app.post("/hook", status_code=204)
    async def hook(event: Annotated[ReceivedEvent, Depends(SignedRequests(verifier))]) -> None:
        seen.append(event)

    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    running = asyncio.create_task(server._serve())  # without taking the signals of the test's process
    try:
        await eventually_here(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def flask_app(port: int, verifier: Verifier, seen: list[ReceivedEvent]) -> AsyncIterator[None]:
    """As the README shows it."""
    app = flask.Flask("receiver")

    @app.post("/hook")
    def hook() -> tuple[str, int]:
        try:
            event = verifier.receive(flask.request.headers, flask.request.get_data())
        except NotVerified as error:
            return str(error), 401
        seen.append(event)
        return "", 204

    async with _wsgi(port, app):
        yield


@asynccontextmanager
async def django_app(port: int, verifier: Verifier, seen: list[ReceivedEvent]) -> AsyncIterator[None]:
    """As the README shows it."""

    @signed(verifier)
    def hook(_: HttpRequest, event: ReceivedEvent) -> HttpResponse:
        seen.append(event)
        return HttpResponse(status=204)

    async with _django(port, hook):
        yield


@asynccontextmanager
async def async_django_app(port: int, verifier: Verifier, seen: list[ReceivedEvent]) -> AsyncIterator[None]:
    """With a view that is a coroutine."""

    @signed(verifier)
    async def hook(_: HttpRequest, event: ReceivedEvent) -> HttpResponse:
        seen.append(event)
        return HttpResponse(status=204)

    async with _django(port, hook):
        yield


@pytest.mark.parametrize("serving", [fastapi_app, flask_app, django_app, async_django_app])
async def test_a_receiver_takes_what_signalpost_sends(serving: Serving, system: System, tenant: str) -> None:
    port, seen = free_port(), list[ReceivedEvent]()
    webhook = await system.client(tenant).create_webhook(f"http://127.0.0.1:{port}/hook", "certificate.*")
    async with serving(port, Verifier([OTHER, webhook["secret"]]), seen):
        await system.publish(certificate(tenant, "cert_№42"))
        [delivery] = await system.wait_for_states(tenant, "delivered")
    [event] = seen
    assert (event.id, event.type, event.tenant) == (delivery["event_id"], "certificate.issued", tenant)
    assert event.data == {"certificate_id": "cert_№42"}


@pytest.mark.parametrize("serving", [fastapi_app, flask_app, django_app, async_django_app])
async def test_a_receiver_with_another_secret_answers_401(serving: Serving, system: System, tenant: str) -> None:
    port, seen = free_port(), list[ReceivedEvent]()
    await system.client(tenant).create_webhook(f"http://127.0.0.1:{port}/hook", "certificate.*")
    async with serving(port, Verifier(OTHER), seen):
        await system.publish(certificate(tenant))
        [delivery] = await system.wait_for_states(tenant, "dead")
    assert delivery["reason"] == "http_4xx"
    assert seen == []


@asynccontextmanager
async def _django(port: int, view: Callable[..., Any]) -> AsyncIterator[None]:
    urls = type("urls", (), {"urlpatterns": [path("hook", view)]})
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="of the tests", ROOT_URLCONF=urls)
        django.setup()
    settings.ROOT_URLCONF = urls
    async with _wsgi(port, WSGIHandler()):
        yield


@asynccontextmanager
async def _wsgi(port: int, app: Any) -> AsyncIterator[None]:
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
