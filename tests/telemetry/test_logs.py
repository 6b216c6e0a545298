"""Every log line is on docs/logs.md with its level, nothing else is, and the line of an attempt has all its facts."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.receiver import Receiver
from tests.support.system import System, certificate, event
from tests.support.values import TRACE_ID, TRACEPARENT
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "logs.md").read_text()
LEVELS = {"debug", "info", "warning", "error", "exception"}


def written() -> Iterator[tuple[str, str]]:
    """Every name in the source that is logged, with its level."""
    sources = ("services", "shared", "clients/python/src/signalpost/amqp")  # the rest of the client runs elsewhere
    for path in (path for folder in sources for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="log") | ast.Attribute(attr="_log"), attr=level)
                ) if level in LEVELS:
                    names = [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                    texts = [name for name in names if isinstance(name, str)]
                    assert texts, f"{path}:{node.lineno}: the name of a log line is a literal"
                    yield from ((name, "error" if level == "exception" else level) for name in texts)


def test_every_line_is_on_the_page_with_its_level_and_nothing_else_is() -> None:
    on_page = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| ([a-z]+) \| .+ \|$", PAGE, re.MULTILINE)
    assert len(on_page) == len(set(on_page))
    assert sorted(on_page) == sorted(set(written()))


async def line_of(system: System, name: str, delivery_id: str) -> dict[str, Any]:
    """The first line with this name about a delivery."""

    async def look() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in system.logs().splitlines() if delivery_id in line]
        return [line for line in lines if line["event"] == name]

    return (await eventually(look))[0]


async def test_the_line_of_an_attempt_has_every_fact(counted: System, receiver: Receiver, tenant: str) -> None:
    webhook = await counted.client(tenant).create_webhook(receiver.script("/in", 503, 200))
    sent = certificate(tenant, traceparent=TRACEPARENT)
    await counted.publish(sent)
    [delivery] = await counted.wait_for_states(tenant, "delivered")
    line = await line_of(counted, "delivery.attempted", delivery["_id"])
    assert line.pop("duration_ms") >= 0
    assert line.pop("next_attempt_at") > line.pop("timestamp")[:10]
    assert line == {
        "event": "delivery.attempted",
        "level": "info",
        "service": "webhook",
        "event_id": delivery["event_id"],
        "event_type": "certificate.issued",
        "tenant_id": tenant,
        "delivery_id": delivery["_id"],
        "channel": "webhook",
        "subscription_id": webhook["id"],
        "attempt": 1,
        "outcome": "http_5xx",
        "error": "http_503",
        "status": 503,
        "state": "retrying",
        "reason": None,
        "recorded": True,
        "message_id": None,
        "trace_id": TRACE_ID,
    }


async def test_every_field_of_an_attempts_line_is_explained_and_that_of_a_mail_names_the_mail(
    counted: System, tenant: str
) -> None:
    invitation = {"email": "ada@example.com", "accept_url": "https://app.example.com/i/1"}
    await counted.publish(event("user.invited", invitation, tenant=tenant))
    [delivery] = await counted.wait_for_states(tenant, "delivered")
    line = await line_of(counted, "delivery.attempted", delivery["_id"])
    assert line["message_id"] == delivery["attempts"][0]["message_id"]
    for field in line:
        assert f"`{field}`" in PAGE, field
