"""The events of the data-wiping backend: certificates, proofs, invitations, billing exports.

What is required is only what Signalpost itself reads, or the one identifier without which nobody could tell what the
event is about: an event that is refused here reaches no one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from signalpost.events.fields import ident, link, mail, mails, text, time
from signalpost.events.typed import TypedEvent


class CertificateIssued(TypedEvent, type="certificate.issued", subject="certificates/{certificate_id}"):
    """A certificate of erasure was issued."""

    certificate_id: Annotated[str, ident("The certificate.")]
    device_id: Annotated[str | None, text("The device that was wiped.")] = None
    standard: Annotated[
        str | None, text("The erasure standard that was followed.", example="NIST SP 800-88 Purge")
    ] = None
    issued_at: Annotated[datetime | None, time("When it was issued.")] = None
    download_url: Annotated[str | None, link("Where the certificate can be fetched.")] = None

    EXAMPLE: ClassVar = {
        "certificate_id": "cert_42",
        "standard": "NIST SP 800-88 Purge",
        "issued_at": "2026-11-21T10:00:00Z",
    }


class _Proof(TypedEvent):
    proof_id: Annotated[str, ident("The proof of erasure.")]
    certificate_id: Annotated[str | None, text("The certificate that the proof belongs to.")] = None
    device_id: Annotated[str | None, text("The device that was wiped.")] = None
    reason: Annotated[str | None, text("Why, as a stable word or a sentence.")] = None


class ProofFailed(_Proof, type="proof.failed", subject="proofs/{proof_id}"):
    """A proof of erasure could not be made."""

    failed_at: Annotated[datetime | None, time("When it failed.")] = None

    EXAMPLE: ClassVar = {"proof_id": "proof_7", "device_id": "dev_3", "reason": "verification_read_failed"}


class ProofRejected(_Proof, type="proof.rejected", subject="proofs/{proof_id}"):
    """A proof of erasure was examined and rejected."""

    rejected_at: Annotated[datetime | None, time("When it was rejected.")] = None

    EXAMPLE: ClassVar = {"proof_id": "proof_7", "device_id": "dev_3", "reason": "serial_number_mismatch"}


class ProofAwaitingLicense(_Proof, type="proof.awaiting_license", subject="proofs/{proof_id}"):
    """A proof of erasure is complete but waits for a licence before its certificate is issued."""

    license_url: Annotated[str | None, link("Where a licence can be bought.")] = None

    EXAMPLE: ClassVar = {
        "proof_id": "proof_7",
        "device_id": "dev_3",
        "license_url": "https://app.example.com/licenses",
    }


class UserInvited(TypedEvent, type="user.invited"):
    """Somebody was invited to an organization; the invitation is mailed to `email`."""

    email: Annotated[str, mail("The person invited: the recipient of the mail.")]
    accept_url: Annotated[str, link("Where the invitation is accepted.")]
    role: Annotated[str | None, text("The role offered.", example="CLIENT_ADMIN")] = None
    organization_name: Annotated[str | None, text("The organization that invites.")] = None
    inviter_name: Annotated[str | None, text("The person who invites.")] = None
    name: Annotated[str | None, text("The name of the person invited.")] = None
    locale: Annotated[str | None, text("Language of the person invited (BCP 47).", example="en-GB")] = None
    expires_at: Annotated[datetime | None, time("Until when the invitation can be accepted.")] = None

    EXAMPLE: ClassVar = {
        "email": "ada@example.com",
        "accept_url": "https://app.example.com/invitations/inv_9",
        "role": "CLIENT_ADMIN",
        "organization_name": "Example Ltd",
        "inviter_name": "Charles",
        "expires_at": "2026-11-28T10:00:00Z",
    }


class BillingExportReady(TypedEvent, type="billing.export.ready", subject="billing-exports/{export_id}"):
    """A billing export can be downloaded; a mail goes to each of `recipients`."""

    export_id: Annotated[str, ident("The export.")]
    recipients: Annotated[Sequence[str], mails("Who gets the mail.")]
    download_url: Annotated[str, link("Where the export can be downloaded.")]
    format: Annotated[str | None, text("File format.", example="csv")] = None
    organization_name: Annotated[str | None, text("The organization that is billed.")] = None
    period_start: Annotated[str | None, text("First day covered.", example="2026-10-01")] = None
    period_end: Annotated[str | None, text("Last day covered.", example="2026-10-31")] = None
    expires_at: Annotated[datetime | None, time("Until when it can be downloaded.")] = None

    EXAMPLE: ClassVar = {
        "export_id": "exp_5",
        "recipients": ["accounts@example.com", "ada@example.com"],
        "download_url": "https://app.example.com/exports/exp_5",
        "format": "csv",
        "period_start": "2026-10-01",
        "period_end": "2026-10-31",
    }
