"""One function for each type of event that the product emits: its arguments are the fields of the catalogue's schema.

What the schema requires is required; what is left out is absent from `data`. Fields that the catalogue does not
know, and types that a deployment added, go through `NewEvent` itself.
"""

from shared.producer.events.guardian import (
    policy_violated,
    signer_created,
    signer_paused,
    signer_resumed,
    signer_revoked,
    signer_updated,
    signing_completed,
)
from shared.producer.events.wipe import (
    billing_export_ready,
    certificate_issued,
    proof_awaiting_license,
    proof_failed,
    proof_rejected,
    user_invited,
)

__all__ = [
    "billing_export_ready",
    "certificate_issued",
    "policy_violated",
    "proof_awaiting_license",
    "proof_failed",
    "proof_rejected",
    "signer_created",
    "signer_paused",
    "signer_resumed",
    "signer_revoked",
    "signer_updated",
    "signing_completed",
    "user_invited",
]
