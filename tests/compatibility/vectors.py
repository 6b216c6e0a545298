"""What the first version wrote, kept as files: messages as they lay in queues, documents as they lay in collections.

`tests/vectors/v1` is written once (`record.py`) and never again: a later version adds a folder of its own beside it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bson import json_util

from tests.support.receiver import Receiver
from tests.support.system import System

V1 = Path(__file__).parents[1] / "vectors" / "v1"
RECEIVER = "http://receiver.example"
"""Stands in the files for the receiver that the recorded webhooks lead to."""
TENANT = "org_recorded"
INVITED = "ada@recorded.example"
COLLECTIONS = ("subscriptions", "events", "deliveries", "branding", "idempotency", "confirmations")

Documents = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message, and where it was published to."""

    exchange: str
    routing_key: str
    content_type: str
    headers: Mapping[str, str | int]
    body: str

    def with_headers(self, **headers: str | int) -> "Message":
        """The same with more headers; their names are written with underscores."""
        return replace(self, headers={**self.headers, **{n.replace("_", "-"): v for n, v in headers.items()}})


def write(stage: str, *, documents: Documents, messages: list[Message], receiver: str) -> None:
    """Write what a stage of the recording has left."""
    V1.mkdir(parents=True, exist_ok=True)
    kept = [{**vars(message), "headers": dict(message.headers)} for message in messages]
    for kind, content in (
        ("documents", json_util.dumps(documents, indent=1, json_options=json_util.RELAXED_JSON_OPTIONS)),
        ("messages", json.dumps(kept, indent=1, ensure_ascii=False)),
    ):
        (V1 / f"{stage}.{kind}.json").write_text(content.replace(receiver, RECEIVER) + "\n")


def read(stage: str, receiver: Receiver) -> tuple[Documents, list[Message]]:
    """Return a stage, with webhooks that lead to this receiver."""
    documents, messages = (
        (V1 / f"{stage}.{kind}.json").read_text().replace(RECEIVER, receiver.url(""))
        for kind in ("documents", "messages")
    )
    return json_util.loads(documents), [Message(**message) for message in json.loads(messages)]


async def put(system: System, documents: Documents) -> None:
    """Make these the only documents."""
    for name in COLLECTIONS:
        collection = getattr(system.database, name)
        await collection.delete_many({})
        if documents.get(name):
            await collection.insert_many(documents[name])


async def everything(system: System) -> Documents:
    """Return all documents."""
    return {name: await getattr(system.database, name).find().to_list() for name in COLLECTIONS}


async def publish(system: System, message: Message) -> None:
    """Publish a message where it was published to."""
    await system.publish_raw(
        message.body.encode(),
        exchange=message.exchange,
        routing_key=message.routing_key,
        headers=message.headers,
        content_type=message.content_type,
    )
