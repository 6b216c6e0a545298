"""How many messages wait: a broker that is too busy to say is not taken to say that there are none."""

import asyncio
from typing import Any

import pytest
from pamqp.commands import Queue

from shared.broker import BrokerUnavailable, Publisher
from shared.broker.browser import queue_states
from signalpost.amqp import connection as connection_module
from signalpost.amqp.connection import AmqpConnection

QUEUE = "tests"
NONE, SOME = Queue.DeclareOk(QUEUE, 0, 0), Queue.DeclareOk(QUEUE, 7, 1)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, Queue.DeclareOk]]:
    """What the broker answers, each after so many seconds; the last one again and again."""
    script: list[tuple[float, Queue.DeclareOk]] = []

    async def scripted(self: AmqpConnection, question: Any) -> Any:
        question.close()
        seconds, answer = script.pop(0) if len(script) > 1 else script[0]
        await asyncio.sleep(seconds)
        return answer

    monkeypatch.setattr(AmqpConnection, "ask", scripted)
    monkeypatch.setattr(connection_module, "_BELIEVED_WITHIN", 0.02)
    return script


async def count(vhost_url: str) -> int:
    states = await queue_states(vhost_url, [QUEUE], name="tests")
    state = states[QUEUE]
    assert state is not None
    return state.messages


async def test_an_empty_answer_that_took_long_is_asked_again(
    vhost_url: str, answers: list[tuple[float, Queue.DeclareOk]]
) -> None:
    answers += [(0.03, NONE), (0.03, SOME), (0, NONE)]
    assert await count(vhost_url) == 7
    assert await count(vhost_url) == 0


async def test_a_broker_that_never_says_in_time_is_unavailable(
    vhost_url: str, answers: list[tuple[float, Queue.DeclareOk]]
) -> None:
    answers += [(0.03, NONE)]
    with pytest.raises(BrokerUnavailable, match="does not say"):
        await count(vhost_url)
    publisher = Publisher(vhost_url, name="tests", topology=None)
    await publisher.connect()
    with pytest.raises(BrokerUnavailable, match="does not say"):
        await publisher.message_count(QUEUE)
    await publisher.aclose()
