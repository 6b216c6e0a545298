"""After known traffic, each process's `/metrics` has grown by the right numbers."""

import asyncio
from functools import partial

import pytest
from aiohttp import web

from shared.catalogue import Catalogue
from shared.model.topology import topology
from tests.support.receiver import Receiver
from tests.support.system import System, certificate, event
from tests.support.waiting import eventually
from tests.telemetry.scrape import Counting, scrape

CERTIFICATE = {"certificate_id": "cert_42"}
INVITATION = {"email": "ada@example.com", "accept_url": "https://app.example.com/i/1"}


async def test_events_are_counted_by_what_became_of_them(counted: System, tenant: str) -> None:
    dispatcher = await Counting.of(counted, "dispatcher")
    envelope = certificate(tenant)
    await counted.publish(envelope)
    await dispatcher.until("events_dispatched_total", 1)
    await counted.publish(envelope)
    await counted.publish_raw(b"{}", routing_key="certificate.issued")
    await dispatcher.until("events_accepted_total", 2)
    await dispatcher.until("events_rejected_total", 1, reason="invalid_event")
    assert await dispatcher.grown("events_dispatched_total") == 1
    assert await dispatcher.grown("dead_letters_total", channel="event", reason="invalid_event") == 1
    assert await dispatcher.grown("deliveries_created_total", channel="webhook") == 0


async def test_what_the_api_refuses_is_counted_by_reason(counted: System, tenant: str) -> None:
    api, client = await Counting.of(counted, "api"), counted.client(tenant)
    test_data = Catalogue.builtin().types["webhook.test"].example
    route = {"method": "POST", "route": "/api/v1/events"}
    identity = {"id": "1", "source": "/tests", "data": {}}
    await client.call("POST", "/api/v1/events", identity | {"type": "certificate.issued"})
    await client.call("POST", "/api/v1/events", identity | {"type": "webhook.test", "data": test_data})
    await client.call("POST", "/api/v1/events", identity | {"type": "my.own", "tenantid": "somebody else"})
    assert await api.grown("events_rejected_total", reason="invalid_event") == 1
    assert await api.grown("events_rejected_total", reason="reserved_event_type") == 1
    assert await api.grown("events_rejected_total", reason="wrong_tenant") == 1
    assert await api.grown("http_request_duration_seconds_count", **route, status="422") == 2
    assert await api.grown("http_request_duration_seconds_count", **route, status="403") == 1


async def test_deliveries_and_attempts_are_counted_by_outcome(
    counted: System, receiver: Receiver, tenant: str
) -> None:
    webhook, dispatcher = await Counting.of(counted, "webhook"), await Counting.of(counted, "dispatcher")
    client = counted.client(tenant)
    for path, answers in {"/at-once": [200], "/second": [500, 200], "/refused": [404]}.items():
        await client.create_webhook(receiver.script(path, *answers), "certificate.issued")
    await client.create_webhook(receiver.url("/disabled"), "certificate.issued", enabled=False)
    await counted.publish(certificate(tenant))

    await counted.wait_for_states(tenant, "delivered", "delivered", "dead", "skipped")
    await webhook.until("dead_letters_total", 1, channel="webhook", reason="http_4xx")
    for outcome, count in {"delivered": 2, "dead": 1, "skipped": 0}.items():
        assert await webhook.grown("deliveries_finished_total", channel="webhook", outcome=outcome) == count
    for outcome, count in {"success": 2, "http_5xx": 1, "http_4xx": 1, "timeout": 0}.items():
        assert await webhook.grown("delivery_attempts_total", channel="webhook", outcome=outcome) == count
    assert await webhook.grown("attempt_duration_seconds_count", channel="webhook") == 4
    assert await webhook.grown("ladder_tasks_total", rung="1s") == 1
    assert await dispatcher.grown("deliveries_created_total", channel="webhook") == 4
    assert await dispatcher.grown("deliveries_finished_total", channel="webhook", outcome="skipped") == 1
    for name in ("delivery_since_event_seconds", "delivery_since_acceptance_seconds"):
        assert await webhook.grown(f"{name}_count", channel="webhook") == 2
        assert 1 < await webhook.grown(f"{name}_sum", channel="webhook") < 60, "one of the two waited for a second"


async def test_an_endpoint_in_trouble_is_counted_until_it_answers(
    counted: System, receiver: Receiver, tenant: str
) -> None:
    webhook, client = await Counting.of(counted, "webhook"), counted.client(tenant)
    await client.create_webhook(receiver.script("/busy", 503, 503, 200), "certificate.issued")
    await counted.publish(certificate(tenant))
    await counted.wait_for_states(tenant, "dead")
    assert await webhook.grown("endpoints_congested") == 1
    assert await webhook.grown("endpoint_bound_reductions_total") == 2
    await counted.publish(certificate(tenant))
    await counted.wait_for_states(tenant, "dead", "delivered")
    assert await webhook.grown("endpoints_congested") == 0


async def test_an_event_of_last_year_is_late_from_its_own_time_only(
    counted: System, receiver: Receiver, tenant: str
) -> None:
    webhook, client = await Counting.of(counted, "webhook"), counted.client(tenant)
    await client.create_webhook(receiver.url("/late"))
    old = {"type": "certificate.issued", "id": "1", "source": "/tests", "data": CERTIFICATE}
    assert (await client.call("POST", "/api/v1/events", old | {"time": "2025-01-01T00:00:00Z"})).status == 202
    await webhook.until("delivery_since_event_seconds_count", 1, channel="webhook")
    assert await webhook.grown("delivery_since_event_seconds_sum", channel="webhook") > 86_400
    assert 0 < await webhook.grown("delivery_since_acceptance_seconds_sum", channel="webhook") < 60


async def test_mails_are_counted_as_a_channel_of_their_own(counted: System, tenant: str) -> None:
    mailer = await Counting.of(counted, "mailer")
    await counted.publish(event("user.invited", INVITATION, tenant=tenant))
    await mailer.until("deliveries_finished_total", 1, channel="email", outcome="delivered")
    assert await mailer.grown("delivery_attempts_total", channel="email", outcome="success") == 1
    assert await mailer.grown("delivery_since_event_seconds_count", channel="email") == 1
    assert await mailer.grown("delivery_attempts_total", channel="webhook", outcome="success") == 0


async def test_an_attempt_under_way_shows_as_in_flight_and_its_delivery_as_pending(
    counted: System, receiver: Receiver, tenant: str
) -> None:
    released = asyncio.Event()

    async def hold(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async def until(service: str, name: str, *, positive: bool) -> None:
        await eventually(
            partial(scrape, counted, service),
            until=lambda seen: (value := seen(name, channel="webhook")) is not None and (value > 0) is positive,
        )

    await counted.client(tenant).create_webhook(receiver.script("/held", hold))
    await counted.publish(certificate(tenant))
    try:
        await until("webhook", "attempts_in_flight", positive=True)
        await until("dispatcher", "oldest_pending_delivery_age_seconds", positive=True)
    finally:
        released.set()
    await until("webhook", "attempts_in_flight", positive=False)
    await until("dispatcher", "oldest_pending_delivery_age_seconds", positive=False)


async def test_what_lies_in_each_queue_is_shown(counted: System) -> None:
    await counted.publish_raw(b"{}", routing_key="certificate.issued")
    letters = await eventually(partial(counted.dead_letters, "event"))
    seen = await eventually(
        partial(scrape, counted, "dispatcher"),
        until=lambda seen: seen("queue_messages", queue="notifications.dlq.event") == len(letters),
    )
    assert seen("queue_messages", queue="notifications.retry.1h") == 0
    shown = {dict(labels)["queue"] for name, labels in seen.samples if name == "signalpost_queue_messages"}
    assert shown == {queue.name for queue in topology().queues}


async def test_what_the_reconciler_publishes_again_is_counted(
    counted: System, receiver: Receiver, tenant: str
) -> None:
    dispatcher, client = await Counting.of(counted, "dispatcher"), counted.client(tenant)
    await client.create_webhook(receiver.url("/again"))
    body = {"type": "certificate.issued", "id": "2", "source": "/tests", "data": CERTIFICATE}
    accepted = (await client.call("POST", "/api/v1/events", body)).body
    await counted.wait_for_states(tenant, "delivered")
    # As if the API had died between storing the event and publishing it.
    [stored] = await counted.database.events.find({"_id": accepted["id"]}).to_list()
    undispatched = {"dispatched_at": None, "pending_since": stored["created_at"]}
    await counted.database.events.update_one({"_id": accepted["id"]}, {"$set": undispatched})
    await dispatcher.until("reconciler_republished_total", 1, channel="event")


@pytest.mark.parametrize("service", ["api", "dispatcher", "webhook", "mailer"])
async def test_readiness_is_a_gauge_for_each_check(counted: System, service: str) -> None:
    seen = await scrape(counted, service)
    assert seen("ready", service=service, check="broker") == 1
    assert seen("ready", service=service, check="database") == 1


async def test_a_reconnect_to_the_broker_is_counted(counted: System) -> None:
    assert counted.stack.rabbitmq is not None
    management, webhook = counted.stack.rabbitmq.management, await Counting.of(counted, "webhook")

    async def connections() -> list[str]:
        every = await management("GET", f"/api/vhosts/{counted.vhost}/connections")
        return [
            each["name"]
            for each in every
            if each.get("client_properties", {}).get("connection_name") == "webhook.consumer"
        ]

    [name] = await eventually(connections)
    await counted.stack.rabbitmq.close_connection(name)
    await webhook.until("reconnects_total", 1, server="broker")
