"""Issues a certificate in each way that the client offers: `python -m services.certificates amqp|http|outbox`.

It prints the id of the event. Everything it needs comes from the environment.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime
from typing import Any

from pymongo import AsyncMongoClient
from services.receiving import verified_type
from shared import SOURCE
from signalpost.events import CertificateIssued
from signalpost.outbox import Outbox, OutboxRelay
from signalpost.producer import EventPublisher, NewEvent, PublishError, Unpublished
from signalpost.producer.http import HttpEventPublisher


def certificate() -> Unpublished:
    """The event."""
    return CertificateIssued(tenant=os.environ["TENANT"], certificate_id="cert_42", issued_at=datetime.now(UTC))


async def over_amqp() -> str:
    """Publish to the broker."""
    async with EventPublisher(os.environ["AMQP_URL"], source=SOURCE) as publisher:
        return (await publisher.publish(certificate())).id


async def over_http() -> str:
    """Publish to the API."""
    url, token = os.environ["SIGNALPOST_URL"], os.environ["SIGNALPOST_TOKEN"]
    async with HttpEventPublisher(url, token=token, source=SOURCE) as publisher:
        return (await publisher.publish(certificate())).id


async def through_outbox() -> str:
    """Write it in a transaction, and let a relay publish it."""
    async with (
        AsyncMongoClient[dict[str, Any]](os.environ["MONGODB_URL"]) as client,
        EventPublisher(os.environ["AMQP_URL"], source=SOURCE) as publisher,
    ):
        database = client[os.environ["DATABASE"]]
        outbox = Outbox(database, source=SOURCE)
        await outbox.ensure_indexes()
        async with client.start_session() as session, await session.start_transaction():
            await database["certificates"].insert_one({"_id": "cert_42"}, session=session)
            accepted = await outbox.add(certificate(), session=session)
        await OutboxRelay(outbox, publisher).relay_batch()
        return accepted.id


async def refused() -> str:
    """Try to publish what Signalpost would refuse."""
    async with EventPublisher("amqp://127.0.0.1:1", source=SOURCE) as publisher:
        try:
            await publisher.publish(NewEvent(type="proof.failed", tenant="org_1", data={}))
        except PublishError as error:
            return str(error)
    return "published"


WAYS = {"amqp": over_amqp, "http": over_http, "outbox": through_outbox, "refused": refused}

if __name__ == "__main__":
    print(asyncio.run(WAYS[sys.argv[1]]()) if sys.argv[1] in WAYS else verified_type(sys.argv[1]))
