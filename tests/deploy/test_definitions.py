"""`definitions.json` is current, means to RabbitMQ what the code means, and lets nobody in by itself."""

import json
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest

from deploy.local.rabbitmq import RabbitMQ
from deploy.rabbitmq.definitions import VHOST, definitions_text
from shared.broker import BrokerRefused, Publisher
from shared.broker.opening import open_connection
from shared.model.topology import topology
from tests.deploy.conftest import Broker, provision

FILE = Path(__file__).parents[2] / "deploy" / "rabbitmq" / "definitions.json"


def test_the_file_is_current() -> None:
    assert FILE.read_text() == definitions_text(), (
        "renew it: python -m deploy.rabbitmq.definitions > deploy/rabbitmq/definitions.json"
    )


def test_no_user_in_the_file_has_a_password() -> None:
    assert all(user["password_hash"] == "" for user in json.loads(FILE.read_text())["users"])


async def let_in(url: str) -> None:
    """Log in and out again; BrokerRefused where that is not allowed."""
    await (await open_connection(url, name="tests", confirms=False, topology=None)).close()


async def test_a_user_without_a_password_cannot_log_in_and_gets_one_later(rabbitmq: RabbitMQ, broker: Broker) -> None:
    await rabbitmq.management("DELETE", "/api/users/producer-wipe")
    others = {name: password for name, password in broker.passwords.items() if name != "producer-wipe"}
    assert provision(rabbitmq, others).returncode == 0
    for password in ("", "guest", "producer-wipe"):
        url = f"amqp://producer-wipe:{password}@127.0.0.1:{rabbitmq.port('amqp')}/{VHOST}"
        with pytest.raises(BrokerRefused, match="ACCESS_REFUSED"):
            await let_in(url)

    assert provision(rabbitmq, broker.passwords).returncode == 0
    await let_in(broker.url("producer-wipe"))


async def test_who_is_given_no_password_keeps_the_one_he_has(rabbitmq: RabbitMQ, broker: Broker) -> None:
    done = provision(rabbitmq, {})
    assert (done.returncode, "passwords set for: nobody" in done.stdout) == (0, True)
    await let_in(broker.url("webhook"))


def test_a_broker_that_refuses_is_an_error_that_names_it_and_no_password(rabbitmq: RabbitMQ) -> None:
    done = provision(rabbitmq, {}, RABBITMQ_ADMIN_PASSWORD="not the password")
    assert done.returncode == 1
    assert rabbitmq.management_url in done.stderr
    assert "401" in done.stderr
    assert "not the password" not in done.stderr + done.stdout


async def test_what_is_imported_is_what_the_services_declare(rabbitmq: RabbitMQ, broker: Broker) -> None:
    imported = await everything_declared(rabbitmq)
    publisher = Publisher(broker.url("operator"), name="tests", topology=topology())
    await publisher.connect()
    await publisher.aclose()
    assert await everything_declared(rabbitmq) == imported
    wanted = topology()
    assert {name for kind, name, *_ in imported if kind == "queue"} == {queue.name for queue in wanted.queues}
    assert sum(kind == "binding" for kind, *_ in imported) == len(wanted.bindings)
    assert {astuple(exchange) for exchange in wanted.exchanges} == {
        (name, type_) for kind, name, type_, *_ in imported if kind == "exchange"
    }


async def everything_declared(rabbitmq: RabbitMQ) -> list[tuple[Any, ...]]:
    """Return what exists on the virtual host, but for what every virtual host has."""
    queues = await rabbitmq.management("GET", f"/api/queues/{VHOST}")
    exchanges = await rabbitmq.management("GET", f"/api/exchanges/{VHOST}")
    bindings = await rabbitmq.management("GET", f"/api/bindings/{VHOST}")
    return sorted(
        [
            *(("queue", q["name"], q["type"], q["durable"], str(q["arguments"])) for q in queues),
            *(("exchange", e["name"], e["type"], e["durable"]) for e in exchanges if is_ours(e["name"])),
            *(
                ("binding", b["source"], b["destination"], b["routing_key"], str(b["arguments"]))
                for b in bindings
                if b["source"]
            ),
        ]
    )


def is_ours(exchange: str) -> bool:
    return bool(exchange) and not exchange.startswith("amq.")
