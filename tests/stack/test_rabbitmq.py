"""The private RabbitMQ node under everything a fault test does to it."""

from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from deploy.local.rabbitmq import RabbitMQ
from deploy.local.stack import Stack
from tests.stack.processes import processes_of

QUEUE = "/api/queues/%2F/kept"


async def declare_and_publish(rabbitmq: RabbitMQ, text: str) -> None:
    queue = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
    await rabbitmq.management("PUT", QUEUE, json=queue)
    await rabbitmq.settle()
    message = {
        "routing_key": "kept",
        "payload": text,
        "payload_encoding": "string",
        "properties": {"delivery_mode": 2},
    }
    routed = await rabbitmq.management("POST", "/api/exchanges/%2F/amq.default/publish", json=message)
    assert routed == {"routed": True}


async def take_all(rabbitmq: RabbitMQ) -> list[str]:
    request = {"count": 100, "ackmode": "ack_requeue_false", "encoding": "auto"}
    messages: list[dict[str, Any]] = await rabbitmq.management("POST", f"{QUEUE}/get", json=request)
    return [message["payload"] for message in messages]


async def queue_names(rabbitmq: RabbitMQ) -> list[str]:
    return [queue["name"] for queue in await rabbitmq.management("GET", "/api/queues")]


def test_its_process_is_the_erlang_vm_itself_so_that_signals_reach_it(rabbitmq: RabbitMQ) -> None:
    assert Path(f"/proc/{rabbitmq.pid}/comm").read_text().strip() == "beam.smp"


def test_it_listens_on_loopback_only(rabbitmq: RabbitMQ) -> None:
    listening = [c.laddr for c in psutil.Process(rabbitmq.pid).net_connections("tcp") if c.status == "LISTEN"]
    assert len(listening) == len(rabbitmq.port_names)
    assert {address.ip for address in listening} == {"127.0.0.1"}


async def test_its_tools_start_no_epmd_of_their_own(own_stack: Stack, rabbitmq: RabbitMQ) -> None:
    def mappers() -> set[int]:
        return {process.pid for process in processes_of(own_stack.directory.path) if process.name() == "epmd"}

    before = mappers()
    await rabbitmq.tool("rabbitmq-queues", "help", "grow")
    assert mappers() == before
    assert len(before) == 1


async def test_a_paused_node_answers_nobody_until_it_is_resumed(rabbitmq: RabbitMQ) -> None:
    await rabbitmq.pause()
    assert rabbitmq.running
    assert not await rabbitmq.ready()
    await rabbitmq.resume()
    assert await rabbitmq.ready()


async def test_a_killed_node_comes_back_on_its_ports_with_its_messages(rabbitmq: RabbitMQ) -> None:
    await declare_and_publish(rabbitmq, "outlives a crash")
    url, pid = rabbitmq.amqp_url(), rabbitmq.pid
    await rabbitmq.kill()
    assert not await rabbitmq.ready()
    await rabbitmq.start()
    assert (rabbitmq.amqp_url(), rabbitmq.pid != pid) == (url, True)
    assert await take_all(rabbitmq) == ["outlives a crash"]
    await rabbitmq.management("DELETE", QUEUE)


async def test_wiping_leaves_an_empty_node_on_the_same_ports(rabbitmq: RabbitMQ) -> None:
    await declare_and_publish(rabbitmq, "thrown away")
    url = rabbitmq.amqp_url()
    await rabbitmq.wipe()
    assert rabbitmq.amqp_url() == url
    assert await queue_names(rabbitmq) == []


async def test_a_virtual_host_has_queues_of_its_own_and_takes_them_with_it(rabbitmq: RabbitMQ) -> None:
    url = await rabbitmq.create_vhost("tests/one two")
    assert url.endswith("/tests%2Fone%20two")
    await rabbitmq.management("PUT", "/api/queues/tests%2Fone%20two/q", json={"durable": True})
    assert await queue_names(rabbitmq) == ["q"]
    await rabbitmq.delete_vhost("tests/one two")
    assert await queue_names(rabbitmq) == []


async def test_the_management_api_says_no_with_an_error(rabbitmq: RabbitMQ) -> None:
    with pytest.raises(aiohttp.ClientResponseError, match="404"):
        await rabbitmq.management("GET", "/api/queues/%2F/there-is-none")
