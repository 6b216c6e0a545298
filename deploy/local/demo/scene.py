"""Who is in the demo, and which webhooks they make. What happens, the producers under `examples/` decide."""

from dataclasses import dataclass

TENANT = "org_demo"
SIGNER_ID = "signer_7"
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
    Hook("guardian", f"/signers/{SIGNER_ID}/webhooks", ("signing.*", "policy.*", "signer.*")),
    Hook("flaky", "/api/v1/webhooks", ("certificate.issued",)),
    Hook("refusing", "/api/v1/webhooks", ("proof.rejected",)),
)
