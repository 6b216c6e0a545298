"""The example producers: what they publish arrives, and their exit code tells whether it did."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from examples import guardian_signer, wipe_backend
from signalpost.events import PRODUCT_EVENTS
from signalpost.producer import EventPublisher
from tests.producers.virtual_host import VirtualHost
from tests.support.receiver import Receiver
from tests.support.system import System

REPOSITORY = Path(__file__).parents[2]

each_example = pytest.mark.parametrize("module", ["examples.wipe_backend", "examples.guardian_signer"])


async def test_both_together_publish_each_type_of_the_product_once(vhost: VirtualHost) -> None:
    async with (
        EventPublisher(vhost.url, source=wipe_backend.SOURCE) as wipe,
        EventPublisher(vhost.url, source=guardian_signer.SOURCE) as guardian,
    ):
        published = await wipe_backend.play(wipe, tenant="org_1")
        published += await guardian_signer.play(guardian, tenant="org_1", signer_id="signer_7")
    assert sorted(event.type for event in published) == sorted(entry.type for entry in PRODUCT_EVENTS)
    assert {event.subject for event in published if event.source == guardian_signer.SOURCE} == {"signers/signer_7"}
    assert len({event.traceparent for event in published}) == len(published)
    assert await vhost.take_ids() == [event.source_id for event in published]


@each_example
async def test_an_example_publishes_to_the_running_system(
    module: str, system: System, receiver: Receiver, tenant: str
) -> None:
    await system.client(tenant).create_webhook(receiver.url("/hook"), *(entry.type for entry in PRODUCT_EVENTS))
    code, output = await _run(module, "--tenant", tenant, AMQP_URL=system.environment["AMQP_URL"])
    assert code == 0, output
    published = [line.split()[0] for line in output.splitlines()]
    received = await receiver.wait_for("/hook", len(published))
    assert {request.headers["webhook-id"] for request in received} == set(published)


@each_example
async def test_an_example_fails_where_it_could_not_publish(module: str, vhost: VirtualHost) -> None:
    url = await vhost.user(write="^nothing$")
    code, output = await _run(module, "--tenant", "org_1", "--amqp-url", url)
    assert code == 1
    assert "the broker refuses this producer" in output


@each_example
async def test_an_example_wants_to_be_told_which_broker(module: str) -> None:
    code, output = await _run(module, "--tenant", "org_1")
    assert code == 2
    assert "AMQP_URL" in output


async def _run(module: str, *arguments: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()
