"""Webhooks of one signer, made by the signer itself or by an administrator of its tenant."""

import aiohttp

from shared.model.subscription import Origin
from shared.storage import Subscriptions
from tests.api.records import Records
from tests.support.system import System, token

BODY = {"url": "http://127.0.0.1:9/in", "events": ["*"]}


async def test_a_signers_webhook_is_bound_to_the_signer(api: System, tenant: str) -> None:
    created = (await api.client(tenant, "SIGNER_ADMIN").call("POST", "/signers/s-1/webhooks", BODY)).body
    assert created["subject"] == "signers/s-1"
    assert created["secret"].startswith("whsec_")
    stored = await Subscriptions(api.database).get(created["id"])
    assert stored is not None
    assert (stored.tenant_id, stored.subject, stored.origin) == (tenant, "signers/s-1", Origin.SIGNER)


async def test_only_the_signer_named_in_the_path_has_it(api: System, tenant: str, records: Records) -> None:
    client = api.client(tenant, "SIGNER_ADMIN")
    created = (await client.call("POST", "/signers/s-1/webhooks", BODY)).body
    delivery = await records.delivery(created["id"])
    for signer, expected in (("s-2", 404), ("s-1", 200)):
        path = f"/signers/{signer}/webhooks/{created['id']}"
        assert (await client.call("GET", f"{path}/deliveries")).status == expected
        assert (await client.call("POST", f"{path}/test")).status == (202 if expected == 200 else 404)
        listed = await client.get(f"/signers/{signer}/webhooks")
        assert [item["id"] for item in listed["items"]] == ([created["id"]] if expected == 200 else [])
        assert (await client.call("DELETE", path)).status == (204 if expected == 200 else 404)
    assert (await api.client(tenant).call("GET", f"/api/v1/deliveries/{delivery.id}")).status == 404


async def test_the_tenants_own_webhook_is_none_of_a_signers(api: System, tenant: str) -> None:
    created = await api.client(tenant).create_webhook("http://127.0.0.1:9/in")
    path = f"/signers/s-1/webhooks/{created['id']}"
    assert (await api.client(tenant).call("DELETE", path)).status == 404


async def test_the_tenants_administrator_sees_the_signers_webhooks_too(api: System, tenant: str) -> None:
    created = (await api.client(tenant, "SIGNER_ADMIN").call("POST", "/signers/s-1/webhooks", BODY)).body
    shown = await api.client(tenant).get(f"/api/v1/webhooks/{created['id']}")
    assert shown["subject"] == "signers/s-1"


async def test_a_signers_id_is_plain_text(api: System, tenant: str) -> None:
    for signer in ("a%20b", "%00", "%C3%A9", "x" * 201):
        answer = await api.client(tenant).call("GET", f"/signers/{signer}/webhooks")
        assert (answer.status, answer.body["errors"][0]["field"]) == (422, "signer_id")


async def test_within_an_organisation_others_find_no_signer(api: System, tenant: str) -> None:
    for roles in (("NONE",), ("PRODUCER",)):
        client = api.client(tenant, *roles)
        for method, path in (("GET", ""), ("POST", ""), ("DELETE", "/wh_1"), ("POST", "/wh_1/test")):
            answer = await client.call(method, f"/signers/s-1/webhooks{path}", BODY if method == "POST" else None)
            assert (answer.status, answer.body["code"]) == (404, "not_found")


async def test_a_caller_without_an_organisation_owns_its_signers(
    api: System, http: aiohttp.ClientSession, tenant: str
) -> None:
    headers = {"Authorization": f"Bearer {token('unused', 'NONE', sub=tenant, org_id=None)}"}
    async with http.post(f"{api.url}/signers/s-1/webhooks", json=BODY, headers=headers) as answer:
        assert answer.status == 201
        created = await answer.json()
    stored = await Subscriptions(api.database).get(created["id"])
    assert stored is not None
    assert stored.tenant_id == tenant
