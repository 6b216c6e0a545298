"""The built-in types that the product emits: the data-wiping backend's and the signing service's.

`required` names only the fields that Signalpost itself reads, or the one identifier that says what the event is
about: an event that is refused here reaches no one.
"""

from typing import Final

from shared.catalogue.entry import EventType
from shared.catalogue.fields import data, ident, link, mail, mails, text, time

_SIGNER = {
    "signer_id": ident("The signer; the event's subject is `signers/{signer_id}`."),
    "name": text("The signer's name."),
    "status": text("The signer's state after this event.", example="active"),
    "actor": text("Who did it."),
    "reason": text("Why it was done."),
}
_PROOF = {
    "proof_id": ident("The proof of erasure."),
    "certificate_id": text("The certificate that the proof belongs to."),
    "device_id": text("The device that was wiped."),
    "reason": text("Why, as a stable word or a sentence."),
}

PRODUCT_TYPES: Final = (
    EventType(
        type="certificate.issued",
        description="A certificate of erasure was issued.",
        schema=data(
            required=("certificate_id",),
            certificate_id=ident("The certificate."),
            device_id=text("The device that was wiped."),
            standard=text("The erasure standard that was followed.", example="NIST SP 800-88 Purge"),
            issued_at=time("When it was issued."),
            download_url=link("Where the certificate can be fetched."),
        ),
        example={
            "certificate_id": "cert_42",
            "standard": "NIST SP 800-88 Purge",
            "issued_at": "2026-11-21T10:00:00Z",
        },
    ),
    EventType(
        type="proof.failed",
        description="A proof of erasure could not be made.",
        schema=data(required=("proof_id",), **_PROOF, failed_at=time("When it failed.")),
        example={"proof_id": "proof_7", "device_id": "dev_3", "reason": "verification_read_failed"},
    ),
    EventType(
        type="proof.rejected",
        description="A proof of erasure was examined and rejected.",
        schema=data(required=("proof_id",), **_PROOF, rejected_at=time("When it was rejected.")),
        example={"proof_id": "proof_7", "device_id": "dev_3", "reason": "serial_number_mismatch"},
    ),
    EventType(
        type="proof.awaiting_license",
        description="A proof of erasure is complete but waits for a licence before its certificate is issued.",
        schema=data(required=("proof_id",), **_PROOF, license_url=link("Where a licence can be bought.")),
        example={"proof_id": "proof_7", "device_id": "dev_3", "license_url": "https://app.example.com/licenses"},
    ),
    EventType(
        type="user.invited",
        description="Somebody was invited to an organization; the invitation is mailed to `email`.",
        schema=data(
            required=("email", "accept_url"),
            email=mail("The person invited: the recipient of the mail."),
            accept_url=link("Where the invitation is accepted."),
            role=text("The role offered.", example="CLIENT_ADMIN"),
            organization_name=text("The organization that invites."),
            inviter_name=text("The person who invites."),
            name=text("The name of the person invited."),
            locale=text("Language of the person invited (BCP 47).", example="en-GB"),
            expires_at=time("Until when the invitation can be accepted."),
        ),
        example={
            "email": "ada@example.com",
            "accept_url": "https://app.example.com/invitations/inv_9",
            "role": "CLIENT_ADMIN",
            "organization_name": "Example Ltd",
            "inviter_name": "Charles",
            "expires_at": "2026-11-28T10:00:00Z",
        },
    ),
    EventType(
        type="billing.export.ready",
        description="A billing export can be downloaded; a mail goes to each of `recipients`.",
        schema=data(
            required=("export_id", "recipients", "download_url"),
            export_id=ident("The export."),
            recipients=mails("Who gets the mail."),
            download_url=link("Where the export can be downloaded."),
            format=text("File format.", example="csv"),
            organization_name=text("The organization that is billed."),
            period_start=text("First day covered.", example="2026-10-01"),
            period_end=text("Last day covered.", example="2026-10-31"),
            expires_at=time("Until when it can be downloaded."),
        ),
        example={
            "export_id": "exp_5",
            "recipients": ["accounts@example.com", "ada@example.com"],
            "download_url": "https://app.example.com/exports/exp_5",
            "format": "csv",
            "period_start": "2026-10-01",
            "period_end": "2026-10-31",
        },
    ),
    EventType(
        type="signer.created",
        description="A signer was created.",
        schema=data(required=("signer_id",), **_SIGNER, created_at=time("When.")),
        example={"signer_id": "sgn_1", "name": "Treasury", "status": "active", "created_at": "2026-11-21T10:00:00Z"},
    ),
    EventType(
        type="signer.updated",
        description="A signer's settings or policies were changed.",
        schema=data(
            required=("signer_id",),
            **_SIGNER,
            changed={"type": "array", "items": text("Field."), "description": "Names of the changed fields."},
            updated_at=time("When."),
        ),
        example={"signer_id": "sgn_1", "changed": ["name"], "updated_at": "2026-11-21T10:00:00Z"},
    ),
    EventType(
        type="signer.paused",
        description="A signer was paused: it signs nothing until it is resumed.",
        schema=data(required=("signer_id",), **_SIGNER, paused_at=time("When.")),
        example={"signer_id": "sgn_1", "status": "paused", "reason": "holiday", "actor": "ada@example.com"},
    ),
    EventType(
        type="signer.resumed",
        description="A paused signer signs again.",
        schema=data(required=("signer_id",), **_SIGNER, resumed_at=time("When.")),
        example={"signer_id": "sgn_1", "status": "active", "actor": "ada@example.com"},
    ),
    EventType(
        type="signer.revoked",
        description="A signer was revoked for good.",
        schema=data(required=("signer_id",), **_SIGNER, revoked_at=time("When.")),
        example={"signer_id": "sgn_1", "status": "revoked", "reason": "key_compromised"},
    ),
    # The signing service names its requests and policies itself, and the subject names the signer.
    EventType(
        type="signing.completed",
        description="A signer signed what it was asked to sign.",
        schema=data(
            signing_id=text("The request that was signed."),
            signer_id=text("The signer."),
            algorithm=text("The signature algorithm.", example="ed25519"),
            digest=text("Digest of what was signed."),
            completed_at=time("When."),
        ),
        example={"signing_id": "req_8", "signer_id": "sgn_1", "algorithm": "ed25519"},
    ),
    EventType(
        type="policy.violated",
        description="A request to sign broke a policy of the signer and was refused.",
        schema=data(
            policy_id=text("The policy."),
            signer_id=text("The signer."),
            signing_id=text("The request that was refused."),
            rule=text("The rule that was broken.", example="daily_limit"),
            detail=text("What was wrong, for a person."),
            violated_at=time("When."),
        ),
        example={"policy_id": "pol_2", "signer_id": "sgn_1", "signing_id": "req_9", "rule": "daily_limit"},
    ),
)
