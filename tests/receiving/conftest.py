"""What the tests of the receiver guide share: its code, ready to run, and requests that Signalpost really sent."""

from collections.abc import Callable

import pytest

from tests.receiving.arrived import Arrived
from tests.receiving.verifiers import CHECKS, Check, Missing, Verifier
from tests.support.receiver import receiving
from tests.support.system import System, event, new_tenant

DATA = {"certificate_id": "Zertifikat №42 — é\n", "device_id": "  ", "size": 2**63 + 1}
"""Whoever trims, decodes or writes the body again before verifying it comes to other bytes."""


@pytest.fixture(scope="session")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Verifier]:
    """Makes a snippet ready, once."""
    ready: dict[str, Verifier] = {}

    def prepare(name: str) -> Verifier:
        if name not in ready:
            ready[name] = Verifier(name, tmp_path_factory.mktemp("snippet"))
        return ready[name]

    return prepare


@pytest.fixture(params=CHECKS, ids="-".join)
def check(request: pytest.FixtureRequest, verifier: Callable[[str], Verifier]) -> Check:
    """Each snippet and way."""
    name, scheme = request.param
    try:
        return Check(verifier=verifier(name), scheme=scheme)
    except Missing as missing:
        pytest.skip(f"{missing}: {name} of the receiver guide is not run")


@pytest.fixture(scope="session")
async def arrived(system: System) -> dict[str, Arrived]:
    """What came to a webhook made under `/api/v1`, and to one made under `/signers`."""
    tenant = new_tenant()
    client = system.client(tenant)

    async def follow(route: str, hex_header: str, type_: str, **attributes: object) -> Arrived:
        path = f"/{hex_header}"
        answer = await client.call("POST", route, {"url": receiver.url(path), "events": [type_]})
        webhook = answer.body["id"]
        secrets = [answer.body["secret"]]
        for rotation in (None, {}, {"overlap_seconds": 0}):
            if rotation is not None:
                answer = await client.call("POST", f"/api/v1/webhooks/{webhook}/rotate-secret", rotation)
                secrets.append(answer.body["secret"])
            await system.publish(event(type_, DATA, tenant=tenant, **attributes))
            await receiver.wait_for(path, len(secrets))
        return Arrived(hex_header=hex_header, secrets=tuple(secrets), requests=tuple(receiver.at(path)))

    async with receiving() as receiver:
        return {
            "/api/v1": await follow("/api/v1/webhooks", "X-Wipe-Signature", "certificate.issued"),
            "/signers": await follow(
                "/signers/sgn_1/webhooks", "X-Guardian-Signature", "signing.completed", subject="signers/sgn_1"
            ),
        }
