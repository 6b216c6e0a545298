"""The types of events that the products emit, each defined once: its class is constructor, schema and documentation.

    event = CertificateIssued(tenant="org_1", certificate_id="cert_42")

What the schema requires is required; what is left out is absent from the data. Fields that a type does not have, and
types that a deployment added, go through `signalpost.producer.NewEvent`. `signalpost.events.system` has the events
that Signalpost emits itself.
"""

from typing import Final

from signalpost.events.guardian import (
    PolicyViolated,
    SignerCreated,
    SignerPaused,
    SignerResumed,
    SignerRevoked,
    SignerUpdated,
    SigningCompleted,
)
from signalpost.events.typed import TypedEvent
from signalpost.events.wipe import (
    BillingExportReady,
    CertificateIssued,
    ProofAwaitingLicense,
    ProofFailed,
    ProofRejected,
    UserInvited,
)

__all__ = [
    "PRODUCT_EVENTS",
    "BillingExportReady",
    "CertificateIssued",
    "PolicyViolated",
    "ProofAwaitingLicense",
    "ProofFailed",
    "ProofRejected",
    "SignerCreated",
    "SignerPaused",
    "SignerResumed",
    "SignerRevoked",
    "SignerUpdated",
    "SigningCompleted",
    "TypedEvent",
    "UserInvited",
]

PRODUCT_EVENTS: Final[tuple[type[TypedEvent], ...]] = (
    CertificateIssued,
    ProofFailed,
    ProofRejected,
    ProofAwaitingLicense,
    UserInvited,
    BillingExportReady,
    SignerCreated,
    SignerUpdated,
    SignerPaused,
    SignerResumed,
    SignerRevoked,
    SigningCompleted,
    PolicyViolated,
)
"""All of them, in the order of `docs/events.md`."""
