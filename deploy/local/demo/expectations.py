"""What must have come true for the demo to have worked; each waits for its evidence, or fails by name."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import aiohttp

from deploy.local.demo.receiver import DemoReceiver
from deploy.local.demo.scene import BILLED, HOOKS, INVITED
from deploy.local.outside import inbox_url, peek_queue
from deploy.local.stack import Stack
from shared.model.event import Event
from shared.model.patterns import matches
from shared.model.topology import WEBHOOK, dead_letter_queue

PATIENCE = 45.0
"""Seconds to wait for an expectation; the slowest, two retries, takes about seven."""

Records = list[dict[str, Any]]


class Unmet(Exception):
    """An expectation did not come true; the text says which, and what was seen instead."""


@dataclass(frozen=True)
class Evidence:
    """Where the expectations look."""

    stack: Stack
    receiver: DemoReceiver
    webhook_ids: dict[str, str]
    published: dict[str, Event]
    """By internal event id, which is the `webhook-id` that receivers see."""


async def signed_webhooks_arrived(evidence: Evidence) -> str:
    """Every event reached the webhook of its product, and every signature is right."""
    patterns = {hook.path: hook.events for hook in HOOKS if hook.path in ("wipe", "guardian")}
    wanted = {
        path: {event.id for event in evidence.published.values() if any(matches(p, event.type) for p in events)}
        for path, events in patterns.items()
    }
    everything = set().union(*wanted.values())
    _require(everything == set(evidence.published), "each event is for one of the two", evidence.published)

    def all_there(records: Records) -> bool:
        return all({r["webhook_id"] for r in _at(records, path)} >= ids for path, ids in wanted.items())

    records = await _eventually(evidence.receiver.received, all_there)
    _require(all(r["standard_ok"] and r["hex_ok"] for r in records), "a signature did not verify", records)
    headers = {r["path"]: r["hex_header"] for r in records}
    _require(headers["wipe"] == "X-Wipe-Signature", "webhooks of /api/v1 carry X-Wipe-Signature", headers)
    _require(headers["guardian"] == "X-Guardian-Signature", "those of /signers X-Guardian-Signature", headers)
    for path in wanted:
        print(f"     {path:9} " + ", ".join(sorted(r["type"] for r in _at(records, path))))
    return f"{len(records)} requests verified by `standardwebhooks`, and by X-Wipe-/X-Guardian-Signature"


async def trace_was_kept(evidence: Evidence) -> str:
    """The producer's trace id came along to the receiver."""
    records = await evidence.receiver.received()
    sent = {event_id: event.traceparent or "" for event_id, event in evidence.published.items()}
    kept = all(r["traceparent"][3:35] == sent[r["webhook_id"]][3:35] for r in records)
    _require(kept, "the trace id is the producer's", records)
    return "the producers' trace ids arrived with the webhooks"


async def flaky_endpoint_was_retried(evidence: Evidence) -> str:
    """The endpoint that fails twice got three attempts of the same message, 1 s and 5 s apart."""

    def three(records: Records) -> bool:
        return len(_at(records, "flaky")) >= 3

    attempts = _at(await _eventually(evidence.receiver.received, three), "flaky")
    waits = [later["at"] - earlier["at"] for earlier, later in pairwise(attempts)]
    _require([a["status"] for a in attempts] == [500, 500, 200], "answers 500, 500, 200", attempts)
    _require(len({a["webhook_id"] for a in attempts}) == 1, "one webhook-id for all attempts", attempts)
    _require(waits[0] >= 1 and waits[1] >= 5, "retries not before 1 s and 5 s", waits)
    return f"500, {waits[0]:.2f} s later 500, {waits[1]:.2f} s later 200; one webhook-id"


async def refused_delivery_is_a_dead_letter(evidence: Evidence) -> str:
    """The endpoint that answers 404 ended in the dead-letter queue, with its reason in the headers."""
    queue = dead_letter_queue(WEBHOOK)

    async def letters() -> Records:
        found = [message["properties"].get("headers", {}) for message in await peek_queue(evidence.stack, queue)]
        return [headers for headers in found if headers.get("subscription-id") == evidence.webhook_ids["refusing"]]

    [headers] = await _eventually(letters, bool)
    _require(headers["dead-reason"] == "http_4xx", "dead-reason is http_4xx", headers)
    _require(headers["dead-status"] == 404 and headers["dead-attempts"] == 1, "one attempt, status 404", headers)
    return f"{queue}: {headers['dead-reason']}, status {headers['dead-status']}, {headers['dead-target']}"


async def mails_arrived(evidence: Evidence) -> str:
    """The invitation and the billing export reached the people that the events name."""

    async def mails() -> Records:
        async with (
            aiohttp.ClientSession() as session,
            session.get(inbox_url(evidence.stack) + "/api/v1/messages", raise_for_status=True) as answer,
        ):
            messages: Records = (await answer.json())["messages"]
            return messages

    def both(messages: Records) -> bool:
        return {INVITED, BILLED} <= {to["Address"] for message in messages for to in message["To"]}

    messages = await _eventually(mails, both)
    for message in messages:
        print(f"     to {message['To'][0]['Address']}: {message['Subject']}")
    return "the invitation and the billing export are in the inbox"


EXPECTATIONS: dict[str, Callable[[Evidence], Awaitable[str]]] = {
    "every event arrived as a signed webhook": signed_webhooks_arrived,
    "the trace context was kept": trace_was_kept,
    "an endpoint that failed twice was retried": flaky_endpoint_was_retried,
    "a refused delivery became a dead letter": refused_delivery_is_a_dead_letter,
    "the mails arrived": mails_arrived,
}


def _at(records: Records, path: str) -> Records:
    return [record for record in records if record["path"] == path]


def _require(holds: bool, what: str, seen: object) -> None:
    if not holds:
        raise Unmet(f"{what}; seen: {seen}")


async def _eventually(look: Callable[[], Awaitable[Records]], enough: Callable[[Records], bool]) -> Records:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not enough(seen := await look()):
        if asyncio.get_running_loop().time() > deadline:
            raise Unmet(f"not within {PATIENCE:g} s; seen: {seen}")
        await asyncio.sleep(0.1)
    return seen
