"""Publishes events from a process of its own, at a fixed rate or as fast as the queues are emptied.

`python -m benchmarks.load` prints one line of JSON at its end: operations, wall and CPU seconds. At a rate it keeps
to a schedule, however slow the answers are, and writes into each event when it was due: a queue that builds up shows
as latency and can't hide as a publisher that waits.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import replace

import uvloop

from benchmarks.system import certificate_event
from shared.broker import Publisher
from shared.model.event import Event
from shared.model.routing import Outgoing, event_message
from shared.model.topology import EVENTS_TO_DISPATCH, WEBHOOK, to_send_queue, topology

AT_ONCE = 200
"""Events that are published together where there is no schedule."""
LOOK_EVERY = 0.02


async def at_rate(publisher: Publisher, events: int, rate: float, tenants: Sequence[str], queue: str) -> None:
    """Publish this many events per second; `data.due` tells when, by the monotonic clock (ns) that processes share.

    A `queue` takes them directly, instead of the exchange `events`.
    """
    start, pending = time.monotonic(), []
    for number in range(events):
        due = start + number / rate
        await asyncio.sleep(max(due - time.monotonic(), 0))
        data = b'{"certificate_id":"cert_%d","due":%d}' % (number, int(due * 1e9))
        event = replace(certificate_event(number, tenant=tenants[number % len(tenants)]), data=data)
        pending.append(asyncio.create_task(publisher.publish(_message(event, queue))))
    await asyncio.gather(*pending)


async def with_backlog(publisher: Publisher, events: int, backlog: int, tenants: Sequence[str]) -> None:
    """Publish whenever fewer than `backlog` messages wait in the queues of events and of tasks."""
    for start in range(0, events, AT_ONCE):
        while await _waiting(publisher) >= backlog:  # noqa: ASYNC110 - the queues are emptied by other processes
            await asyncio.sleep(LOOK_EVERY)
        numbers = range(start, min(start + AT_ONCE, events))
        batch = [certificate_event(number, tenant=tenants[number % len(tenants)]) for number in numbers]
        await asyncio.gather(*(publisher.publish(event_message(event)) for event in batch))


async def _waiting(publisher: Publisher) -> int:
    return sum([await publisher.message_count(queue) for queue in (EVENTS_TO_DISPATCH, to_send_queue(WEBHOOK))])


def _message(event: Event, queue: str) -> Outgoing:
    message = event_message(event)
    return replace(message, exchange="", routing_key=queue) if queue else message


async def main() -> None:
    """Publish as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("amqp_url")
    parser.add_argument("events", type=int)
    parser.add_argument("--tenants", nargs="+", required=True)
    parser.add_argument("--rate", type=float, help="events per second")
    parser.add_argument("--queue", default="", help="publish to this queue, and not to the exchange")
    parser.add_argument("--backlog", type=int, help="how many messages to keep waiting, where there is no rate")
    arguments = parser.parse_args()
    publisher = Publisher(arguments.amqp_url, name="load", topology=topology())
    await publisher.connect()
    started, used = time.monotonic(), time.process_time()
    if arguments.rate:
        await at_rate(publisher, arguments.events, arguments.rate, arguments.tenants, arguments.queue)
    else:
        await with_backlog(publisher, arguments.events, arguments.backlog, arguments.tenants)
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - used
    await publisher.aclose()
    print(json.dumps({"operations": arguments.events, "seconds": seconds, "cpu_seconds": cpu_seconds}))


if __name__ == "__main__":
    uvloop.run(main())
