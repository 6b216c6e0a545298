"""A data-wiping backend in small: proofs and certificates of erasure, an invitation, a billing export.

    python -m examples.wipe_backend --amqp-url amqp://… --tenant org_1

It publishes what happens as it happens, and ends when the broker has confirmed all of it.
"""

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from signalpost import events
from signalpost.events import TypedEvent
from signalpost.producer import Event, EventPublisher, PublishError

SOURCE: Final = "/wipe/backend"
APP: Final = "https://app.example.com"


@dataclass(frozen=True)
class Device:
    """A device after its wipe, as the backend finds it."""

    id: str
    reads_blank: bool = True
    serial_matches: bool = True


class WipeBackend:
    """The backend of one tenant, with so many licences left."""

    def __init__(self, *, tenant: str, licences: int) -> None:
        self._tenant, self._licences = tenant, licences

    def prove(self, device: Device) -> TypedEvent:
        """Examine a wiped device; the event says what came of it."""
        proof_id = _new("proof")
        if not device.reads_blank:
            return events.ProofFailed(
                tenant=self._tenant,
                proof_id=proof_id,
                device_id=device.id,
                reason="verification_read_failed",
                failed_at=datetime.now(UTC),
            )
        if not device.serial_matches:
            return events.ProofRejected(
                tenant=self._tenant,
                proof_id=proof_id,
                device_id=device.id,
                reason="serial_number_mismatch",
                rejected_at=datetime.now(UTC),
            )
        if self._licences == 0:
            return events.ProofAwaitingLicense(
                tenant=self._tenant, proof_id=proof_id, device_id=device.id, license_url=f"{APP}/licenses"
            )
        self._licences -= 1
        certificate_id = _new("cert")
        return events.CertificateIssued(
            tenant=self._tenant,
            certificate_id=certificate_id,
            device_id=device.id,
            standard="NIST SP 800-88 Purge",
            issued_at=datetime.now(UTC),
            download_url=f"{APP}/certificates/{certificate_id}",
        )

    def invite(self, email: str) -> TypedEvent:
        """Invite somebody; Signalpost mails the invitation."""
        return events.UserInvited(
            tenant=self._tenant,
            email=email,
            accept_url=f"{APP}/invitations/{_new('inv')}",
            role="CLIENT_ADMIN",
            organization_name="Example Ltd",
            inviter_name="Charles",
            expires_at=datetime.now(UTC) + timedelta(days=7),
        )

    def export_billing(self, recipient: str) -> TypedEvent:
        """Make last month's billing export; Signalpost mails where it is."""
        export_id = _new("exp")
        last_day = datetime.now(UTC).date().replace(day=1) - timedelta(days=1)
        return events.BillingExportReady(
            tenant=self._tenant,
            export_id=export_id,
            recipients=[recipient],
            download_url=f"{APP}/exports/{export_id}",
            format="csv",
            organization_name="Example Ltd",
            period_start=str(last_day.replace(day=1)),
            period_end=str(last_day),
        )


async def play(
    publisher: EventPublisher,
    *,
    tenant: str,
    invited: str = "ada@customer.example",
    billed: str = "billing@customer.example",
) -> list[Event]:
    """Live through a day that has one event of each type; returns them as they were published, traces included.

    Raises:
        PublishError: one of them could not be published.
    """
    backend = WipeBackend(tenant=tenant, licences=1)
    return [
        await publisher.publish(backend.invite(invited)),
        await publisher.publish(backend.prove(Device("dev_1", reads_blank=False))),
        await publisher.publish(backend.prove(Device("dev_2", serial_matches=False))),
        await publisher.publish(backend.prove(Device("dev_3"))),
        await publisher.publish(backend.prove(Device("dev_4"))),
        await publisher.publish(backend.export_billing(billed)),
    ]


def main() -> None:
    """Play the day and print what was published; exit with 1 and the reason if something could not be."""
    parser = argparse.ArgumentParser(description=WipeBackend.__doc__)
    parser.add_argument("--amqp-url", default=os.environ.get("AMQP_URL"), help="default: AMQP_URL")
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--invited", default="ada@customer.example", help="who is invited")
    parser.add_argument("--billed", default="billing@customer.example", help="who gets the billing export")
    options = parser.parse_args()
    if not options.amqp_url:
        parser.error("name the broker with --amqp-url or AMQP_URL")

    async def publish() -> list[Event]:
        async with EventPublisher(options.amqp_url, source=SOURCE, name="wipe-backend") as publisher:
            return await play(publisher, tenant=options.tenant, invited=options.invited, billed=options.billed)

    try:
        for event in asyncio.run(publish()):
            print(event.id, event.type)
    except PublishError as error:
        sys.exit(f"not everything was published: {error}")


def _new(kind: str) -> str:
    return f"{kind}_{uuid4().hex[:8]}"


if __name__ == "__main__":
    main()
