"""The events of the data-wiping backend: certificates, proofs, invitations, billing exports."""

from collections.abc import Sequence
from datetime import datetime
from typing import Unpack

from shared.producer.events.attributes import Attributes, new_event
from shared.producer.new_event import NewEvent


def certificate_issued(
    *,
    certificate_id: str,
    device_id: str | None = None,
    standard: str | None = None,
    issued_at: datetime | None = None,
    download_url: str | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """A certificate of erasure was issued."""
    return new_event(
        "certificate.issued",
        f"certificates/{certificate_id}",
        attributes,
        certificate_id=certificate_id,
        device_id=device_id,
        standard=standard,
        issued_at=issued_at,
        download_url=download_url,
    )


def proof_failed(
    *,
    proof_id: str,
    certificate_id: str | None = None,
    device_id: str | None = None,
    reason: str | None = None,
    failed_at: datetime | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """A proof of erasure could not be made."""
    return new_event(
        "proof.failed",
        f"proofs/{proof_id}",
        attributes,
        proof_id=proof_id,
        certificate_id=certificate_id,
        device_id=device_id,
        reason=reason,
        failed_at=failed_at,
    )


def proof_rejected(
    *,
    proof_id: str,
    certificate_id: str | None = None,
    device_id: str | None = None,
    reason: str | None = None,
    rejected_at: datetime | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """A proof of erasure was examined and rejected."""
    return new_event(
        "proof.rejected",
        f"proofs/{proof_id}",
        attributes,
        proof_id=proof_id,
        certificate_id=certificate_id,
        device_id=device_id,
        reason=reason,
        rejected_at=rejected_at,
    )


def proof_awaiting_license(
    *,
    proof_id: str,
    certificate_id: str | None = None,
    device_id: str | None = None,
    reason: str | None = None,
    license_url: str | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """A proof of erasure is complete but waits for a licence before its certificate is issued."""
    return new_event(
        "proof.awaiting_license",
        f"proofs/{proof_id}",
        attributes,
        proof_id=proof_id,
        certificate_id=certificate_id,
        device_id=device_id,
        reason=reason,
        license_url=license_url,
    )


def user_invited(
    *,
    email: str,
    accept_url: str,
    role: str | None = None,
    organization_name: str | None = None,
    inviter_name: str | None = None,
    name: str | None = None,
    locale: str | None = None,
    expires_at: datetime | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """Somebody was invited to an organization; the invitation is mailed to `email`."""
    return new_event(
        "user.invited",
        None,
        attributes,
        email=email,
        accept_url=accept_url,
        role=role,
        organization_name=organization_name,
        inviter_name=inviter_name,
        name=name,
        locale=locale,
        expires_at=expires_at,
    )


def billing_export_ready(
    *,
    export_id: str,
    recipients: Sequence[str],
    download_url: str,
    format: str | None = None,  # noqa: A002 - the schema's name
    organization_name: str | None = None,
    period_start: str | None = None,
    period_end: str | None = None,
    expires_at: datetime | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """A billing export can be downloaded; a mail goes to each of `recipients`."""
    return new_event(
        "billing.export.ready",
        f"billing-exports/{export_id}",
        attributes,
        export_id=export_id,
        recipients=recipients,
        download_url=download_url,
        format=format,
        organization_name=organization_name,
        period_start=period_start,
        period_end=period_end,
        expires_at=expires_at,
    )
