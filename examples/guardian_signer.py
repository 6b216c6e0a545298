"""A signing service in small: the life of one signer, what it signs, and the policy that stops it.

    python -m examples.guardian_signer --amqp-url amqp://… --tenant org_1

It publishes what happens as it happens, and ends when the broker has confirmed all of it.
"""

import argparse
import asyncio
import hashlib
import os
import sys
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from signalpost import events
from signalpost.events import TypedEvent
from signalpost.producer import Event, EventPublisher, PublishError

SOURCE: Final = "/guardian/signer"
ADMIN: Final = "ada@customer.example"


class Signer:
    """A signer that may sign so many documents a day. All its events have the subject `signers/{signer_id}`."""

    def __init__(self, signer_id: str, *, tenant: str) -> None:
        self.id, self._tenant = signer_id, tenant
        self._daily_limit, self._signed_today = 0, 0

    def create(self, name: str) -> TypedEvent:
        """Make the signer."""
        return events.SignerCreated(
            tenant=self._tenant,
            signer_id=self.id,
            name=name,
            status="active",
            actor=ADMIN,
            created_at=datetime.now(UTC),
        )

    def allow(self, daily_limit: int) -> TypedEvent:
        """Set its policy."""
        self._daily_limit = daily_limit
        return events.SignerUpdated(
            tenant=self._tenant, signer_id=self.id, actor=ADMIN, changed=["policies"], updated_at=datetime.now(UTC)
        )

    def sign(self, document: bytes) -> TypedEvent:
        """Sign a document, unless the policy forbids it; the event says which."""
        signing_id = f"req_{uuid4().hex[:8]}"
        if self._signed_today >= self._daily_limit:
            return events.PolicyViolated(
                tenant=self._tenant,
                signer_id=self.id,
                policy_id="pol_daily",
                signing_id=signing_id,
                rule="daily_limit",
                detail=f"{self._daily_limit} a day are allowed",
                violated_at=datetime.now(UTC),
            )
        self._signed_today += 1
        return events.SigningCompleted(
            tenant=self._tenant,
            signer_id=self.id,
            signing_id=signing_id,
            algorithm="ed25519",
            digest=f"sha256:{hashlib.sha256(document).hexdigest()}",
            completed_at=datetime.now(UTC),
        )

    def pause(self, reason: str) -> TypedEvent:
        """Let it sign nothing for a while."""
        return events.SignerPaused(
            tenant=self._tenant,
            signer_id=self.id,
            status="paused",
            actor=ADMIN,
            reason=reason,
            paused_at=datetime.now(UTC),
        )

    def resume(self) -> TypedEvent:
        """Let it sign again."""
        return events.SignerResumed(
            tenant=self._tenant, signer_id=self.id, status="active", actor=ADMIN, resumed_at=datetime.now(UTC)
        )

    def revoke(self, reason: str) -> TypedEvent:
        """End it for good."""
        return events.SignerRevoked(
            tenant=self._tenant,
            signer_id=self.id,
            status="revoked",
            actor=ADMIN,
            reason=reason,
            revoked_at=datetime.now(UTC),
        )


async def play(publisher: EventPublisher, *, tenant: str, signer_id: str = "signer_7") -> list[Event]:
    """Live through a signer's life, with one event of each type; returns them as published, traces included.

    Raises:
        PublishError: one of them could not be published.
    """
    signer = Signer(signer_id, tenant=tenant)
    return [
        await publisher.publish(signer.create("Treasury")),
        await publisher.publish(signer.allow(daily_limit=1)),
        await publisher.publish(signer.sign(b"the first payment of today")),
        await publisher.publish(signer.sign(b"the second one, which is too many")),
        await publisher.publish(signer.pause("holiday")),
        await publisher.publish(signer.resume()),
        await publisher.publish(signer.revoke("key_compromised")),
    ]


def main() -> None:
    """Play the signer's life and print what was published; exit with 1 and the reason if something could not be."""
    parser = argparse.ArgumentParser(description=Signer.__doc__)
    parser.add_argument("--amqp-url", default=os.environ.get("AMQP_URL"), help="default: AMQP_URL")
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--signer", default="signer_7", help="the signer's id")
    options = parser.parse_args()
    if not options.amqp_url:
        parser.error("name the broker with --amqp-url or AMQP_URL")

    async def publish() -> list[Event]:
        async with EventPublisher(options.amqp_url, source=SOURCE, name="guardian-signer") as publisher:
            return await play(publisher, tenant=options.tenant, signer_id=options.signer)

    try:
        for event in asyncio.run(publish()):
            print(event.id, event.type)
    except PublishError as error:
        sys.exit(f"not everything was published: {error}")


if __name__ == "__main__":
    main()
