"""What the demo plays: who subscribes to what, and which events both products publish. Data only."""

from dataclasses import dataclass, field

from shared.catalogue import Catalogue

TENANT = "org_demo"
SIGNER = "signers/signer_7"
INVITED = "ada@customer.example"
BILLED = "billing@customer.example"


@dataclass(frozen=True)
class Hook:
    """A webhook of the demo: its path at the receiver, the route it is made by, and what it wants."""

    path: str
    route: str
    events: tuple[str, ...]


HOOKS = (
    Hook("wipe", "/api/v1/webhooks", ("certificate.*", "proof.*", "user.invited", "billing.export.ready")),
    Hook("guardian", f"/{SIGNER}/webhooks", ("signing.*", "policy.*", "signer.*")),
    Hook("flaky", "/api/v1/webhooks", ("certificate.issued",)),
    Hook("refusing", "/api/v1/webhooks", ("proof.rejected",)),
)


@dataclass(frozen=True, kw_only=True)
class Published:
    """One event of the demo."""

    type: str
    source: str
    subject: str | None = None
    data: dict[str, object] = field(default_factory=dict)


def _example(type_: str, **changes: object) -> dict[str, object]:
    entry = Catalogue.builtin().types[type_]
    return {**entry.example, **changes}


def events() -> list[Published]:
    """Return one event or more of each family, as the two products would publish them."""
    wipe, guardian = "/wipe/backend", "/guardian/signer"
    return [
        Published(type="certificate.issued", source=wipe, subject="certificates/cert_42",
                  data=_example("certificate.issued", certificate_id="cert_42")),
        Published(type="proof.failed", source=wipe, data=_example("proof.failed")),
        Published(type="proof.rejected", source=wipe, data=_example("proof.rejected")),
        Published(type="proof.awaiting_license", source=wipe, data=_example("proof.awaiting_license")),
        Published(type="user.invited", source=wipe, data=_example("user.invited", email=INVITED)),
        Published(type="billing.export.ready", source=wipe,
                  data=_example("billing.export.ready", recipients=[BILLED])),
        Published(type="signing.completed", source=guardian, subject=SIGNER, data=_example("signing.completed")),
        Published(type="policy.violated", source=guardian, subject=SIGNER, data=_example("policy.violated")),
        Published(type="signer.created", source=guardian, subject=SIGNER, data=_example("signer.created")),
        Published(type="signer.revoked", source=guardian, subject=SIGNER, data=_example("signer.revoked")),
    ]  # fmt: skip
