"""The events of the signing service. All are about a signer: a subscription to one signer gets all of its events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from signalpost.events.fields import ident, names, text, time
from signalpost.events.typed import OWN_REQUIREMENT, TypedEvent


class _Signer(TypedEvent):
    signer_id: Annotated[str, ident("The signer; the event's subject is `signers/{signer_id}`.")]
    name: Annotated[str | None, text("The signer's name.")] = None
    status: Annotated[str | None, text("The signer's state after this event.", example="active")] = None
    actor: Annotated[str | None, text("Who did it.")] = None
    reason: Annotated[str | None, text("Why it was done.")] = None


class SignerCreated(_Signer, type="signer.created", subject="signers/{signer_id}"):
    """A signer was created."""

    created_at: Annotated[datetime | None, time("When.")] = None

    EXAMPLE: ClassVar = {
        "signer_id": "sgn_1",
        "name": "Treasury",
        "status": "active",
        "created_at": "2026-11-21T10:00:00Z",
    }


class SignerUpdated(_Signer, type="signer.updated", subject="signers/{signer_id}"):
    """A signer's settings or policies were changed."""

    changed: Annotated[Sequence[str] | None, names("Names of the changed fields.", each="Field.")] = None
    updated_at: Annotated[datetime | None, time("When.")] = None

    EXAMPLE: ClassVar = {"signer_id": "sgn_1", "changed": ["name"], "updated_at": "2026-11-21T10:00:00Z"}


class SignerPaused(_Signer, type="signer.paused", subject="signers/{signer_id}"):
    """A signer was paused: it signs nothing until it is resumed."""

    paused_at: Annotated[datetime | None, time("When.")] = None

    EXAMPLE: ClassVar = {"signer_id": "sgn_1", "status": "paused", "reason": "holiday", "actor": "ada@example.com"}


class SignerResumed(_Signer, type="signer.resumed", subject="signers/{signer_id}"):
    """A paused signer signs again."""

    resumed_at: Annotated[datetime | None, time("When.")] = None

    EXAMPLE: ClassVar = {"signer_id": "sgn_1", "status": "active", "actor": "ada@example.com"}


class SignerRevoked(_Signer, type="signer.revoked", subject="signers/{signer_id}"):
    """A signer was revoked for good."""

    revoked_at: Annotated[datetime | None, time("When.")] = None

    EXAMPLE: ClassVar = {"signer_id": "sgn_1", "status": "revoked", "reason": "key_compromised"}


# The schemas of the next two require nothing: the signing service names its requests and policies itself, and the
# subject names the signer.
class SigningCompleted(TypedEvent, type="signing.completed", subject="signers/{signer_id}"):
    """A signer signed what it was asked to sign."""

    signing_id: Annotated[str | None, text("The request that was signed.")] = None
    signer_id: Annotated[str, text("The signer."), OWN_REQUIREMENT]
    algorithm: Annotated[str | None, text("The signature algorithm.", example="ed25519")] = None
    digest: Annotated[str | None, text("Digest of what was signed.")] = None
    completed_at: Annotated[datetime | None, time("When.")] = None

    EXAMPLE: ClassVar = {"signing_id": "req_8", "signer_id": "sgn_1", "algorithm": "ed25519"}


class PolicyViolated(TypedEvent, type="policy.violated", subject="signers/{signer_id}"):
    """A request to sign broke a policy of the signer and was refused."""

    policy_id: Annotated[str | None, text("The policy.")] = None
    signer_id: Annotated[str, text("The signer."), OWN_REQUIREMENT]
    signing_id: Annotated[str | None, text("The request that was refused.")] = None
    rule: Annotated[str | None, text("The rule that was broken.", example="daily_limit")] = None
    detail: Annotated[str | None, text("What was wrong, for a person.")] = None
    violated_at: Annotated[datetime | None, time("When.")] = None

    EXAMPLE: ClassVar = {"policy_id": "pol_2", "signer_id": "sgn_1", "signing_id": "req_9", "rule": "daily_limit"}
