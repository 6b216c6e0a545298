"""`worker dlq replay` may be killed at any moment: nothing is lost or sent twice, and another run finishes it."""

import asyncio
import signal
from collections import Counter
from typing import Any

from tests.operations.command import Worker
from tests.support.receiver import Receiver
from tests.support.system import System, certificate
from tests.support.waiting import eventually

LETTERS = 400
KILLS = 3


async def test_a_killed_replay_loses_nothing_and_a_second_run_finishes_it(
    operated: System, worker: Worker, receiver: Receiver, tenant: str
) -> None:
    url = receiver.script("/in", *[400] * LETTERS, 200)
    webhook = await operated.client(tenant).create_webhook(url, "certificate.*")
    await asyncio.gather(*(operated.publish(certificate(tenant)) for _ in range(LETTERS)))
    await operated.wait_for_states(tenant, *["dead"] * LETTERS, within=40)
    await eventually(lambda: _owing(operated, tenant), until=lambda owing: owing == 0)

    arguments = ("dlq", "replay", "--webhook", webhook["id"], "--cause", "fixed")
    for _ in range(KILLS):
        before = await _taken_up(operated, tenant)  # what the last one had sent before its end may still have come
        running = worker.start(*arguments)
        await eventually(lambda: _taken_up(operated, tenant), until=before.__lt__)
        running.kill()
        assert (await running.end()).code == -signal.SIGKILL, "it had ended before: use more letters"
    taken = await _taken_up(operated, tenant)
    assert 0 < taken < LETTERS

    finished = await worker(*arguments)
    assert finished.code == 0, finished
    seen = await operated.wait_for_states(tenant, *["delivered"] * LETTERS, within=40)
    assert {len(delivery["replays"]) for delivery in seen} == {1}
    requests = Counter(request.headers["webhook-id"] for request in receiver.at("/in"))
    assert Counter(requests.values()) == {2: LETTERS}, "one that failed, one that was replayed"
    left = await worker("dlq", "list", "--webhook", webhook["id"])
    assert left.out == ""


async def _taken_up(system: System, tenant: str) -> int:
    return await system.database.deliveries.count_documents({"tenant_id": tenant, "replays": {"$exists": True}})


async def _owing(system: System, tenant: str) -> int:
    query: dict[str, Any] = {"tenant_id": tenant, "due_at": {"$exists": True}}
    return await system.database.deliveries.count_documents(query)
