"""The events of the signing service. All are about a signer: whoever asked for the events of one signer gets them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Unpack

from shared.producer.events.attributes import Attributes, new_event
from shared.producer.new_event import NewEvent


def signer_created(
    *,
    signer_id: str,
    name: str | None = None,
    status: str | None = None,
    actor: str | None = None,
    reason: str | None = None,
    created_at: datetime | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """A signer was created."""
    return new_event(
        "signer.created",
        f"signers/{signer_id}",
        attributes,
        signer_id=signer_id,
        name=name,
        status=status,
        actor=actor,
        reason=reason,
        created_at=created_at,
    )


def signer_updated(
    *,
    signer_id: str,
    name: str | None = None,
    status: str | None = None,
    actor: str | None = None,
    reason: str | None = None,
    changed: Sequence[str] | None = None,
    updated_at: datetime | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """A signer's settings or policies were changed."""
    return new_event(
        "signer.updated",
        f"signers/{signer_id}",
        attributes,
        signer_id=signer_id,
        name=name,
        status=status,
        actor=actor,
        reason=reason,
        changed=changed,
        updated_at=updated_at,
    )


def signer_paused(
    *,
    signer_id: str,
    name: str | None = None,
    status: str | None = None,
    actor: str | None = None,
    reason: str | None = None,
    paused_at: datetime | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """A signer was paused: it signs nothing until it is resumed."""
    return new_event(
        "signer.paused",
        f"signers/{signer_id}",
        attributes,
        signer_id=signer_id,
        name=name,
        status=status,
        actor=actor,
        reason=reason,
        paused_at=paused_at,
    )


def signer_resumed(
    *,
    signer_id: str,
    name: str | None = None,
    status: str | None = None,
    actor: str | None = None,
    reason: str | None = None,
    resumed_at: datetime | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """A paused signer signs again."""
    return new_event(
        "signer.resumed",
        f"signers/{signer_id}",
        attributes,
        signer_id=signer_id,
        name=name,
        status=status,
        actor=actor,
        reason=reason,
        resumed_at=resumed_at,
    )


def signer_revoked(
    *,
    signer_id: str,
    name: str | None = None,
    status: str | None = None,
    actor: str | None = None,
    reason: str | None = None,
    revoked_at: datetime | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """A signer was revoked for good."""
    return new_event(
        "signer.revoked",
        f"signers/{signer_id}",
        attributes,
        signer_id=signer_id,
        name=name,
        status=status,
        actor=actor,
        reason=reason,
        revoked_at=revoked_at,
    )


def signing_completed(
    *,
    signer_id: str,
    signing_id: str | None = None,
    algorithm: str | None = None,
    digest: str | None = None,
    completed_at: datetime | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """A signer signed what it was asked to sign."""
    return new_event(
        "signing.completed",
        f"signers/{signer_id}",
        attributes,
        signer_id=signer_id,
        signing_id=signing_id,
        algorithm=algorithm,
        digest=digest,
        completed_at=completed_at,
    )


def policy_violated(
    *,
    signer_id: str,
    policy_id: str | None = None,
    signing_id: str | None = None,
    rule: str | None = None,
    detail: str | None = None,
    violated_at: datetime | None = None,
    **attributes: Unpack[Attributes],
) -> NewEvent:
    """A request to sign broke a policy of the signer and was refused."""
    return new_event(
        "policy.violated",
        f"signers/{signer_id}",
        attributes,
        signer_id=signer_id,
        policy_id=policy_id,
        signing_id=signing_id,
        rule=rule,
        detail=detail,
        violated_at=violated_at,
    )
