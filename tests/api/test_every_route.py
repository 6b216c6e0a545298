"""What holds for every route there is, also for those that are added later: the OpenAPI document lists them."""

import json
import re
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from services.api.http.auth_gate import PUBLIC_PATHS
from tests.api.records import Records
from tests.support.system import System, new_tenant, token

PAST = "2020-01-01T00:00:00Z"
BODIES: dict[str, Any] = {
    "create_webhook": {"url": "http://127.0.0.1:9/in", "events": ["*"]},
    "update_webhook": {"description": "taken over", "enabled": False},
    "rotate_webhook_secret": {"overlap_seconds": 0},
    "create_email_subscription": {"address": "intruder@example.com", "events": ["*"]},
    "replace_branding": {"app_name": "taken over"},
    "preview_branding": {"kind": "event"},
    "recover_webhook": {"since": PAST},
    "create_signer_webhook": {"url": "http://127.0.0.1:9/in", "events": ["*"]},
    "recover_deliveries": {"since": PAST},
    "replay_dead_letters": {"cause": "repaired", "force": True},
    "replay_dead_letter": {"cause": "repaired", "force": True},
    "publish_event": {
        "id": "1",
        "source": "/intruder",
        "type": "certificate.issued",
        "data": {"certificate_id": "x"},
    },
}
"""A body that each route takes, where it needs one; a new route with a body must be added."""
LISTS = {"list_signer_webhooks", "create_signer_webhook"}
"""What is named in their path is no object of ours: they answer another tenant with an empty list or its own."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One route and method."""

    name: str
    method: str
    path: str
    needs_body: bool


@pytest.fixture
async def operations(api: System) -> list[Operation]:
    """Every operation but the public ones."""
    found = [
        Operation(
            name=operation["operationId"],
            method=method.upper(),
            path=path,
            needs_body=operation.get("requestBody", {}).get("required", False),
        )
        for path, operations in (await api.paths()).items()
        for method, operation in operations.items()
        if path not in PUBLIC_PATHS
    ]
    assert len(found) > 20
    return found


async def test_every_route_answers_401_to_a_request_without_a_token(
    api: System, http: aiohttp.ClientSession, operations: list[Operation]
) -> None:
    for operation in operations:
        path = re.sub(r"{\w+}", "anything", operation.path)
        async with http.request(operation.method, api.url + path, json=BODIES.get(operation.name)) as answer:
            problem = await answer.json(content_type="application/problem+json")
            assert (answer.status, problem["code"]) == (401, "missing_token"), operation


async def test_every_route_but_those_for_anybody_signed_in_needs_a_role(
    api: System, tenant: str, operations: list[Operation]
) -> None:
    nobody = api.client(tenant, "NONE")
    for operation in operations:
        path = re.sub(r"{\w+}", "anything", operation.path)
        answer = await nobody.call(operation.method, path, BODIES.get(operation.name))
        for_anybody = operation.path.startswith("/signers/") or operation.name == "list_event_types"
        assert (answer.status == 403) != for_anybody, operation


async def test_another_tenant_sees_and_changes_nothing(
    api: System, http: aiohttp.ClientSession, tenant: str, records: Records, operations: list[Operation]
) -> None:
    owner = api.client(tenant)
    webhook = await owner.create_webhook("http://127.0.0.1:9/in", description="the owner's")
    answer = await owner.call("POST", "/signers/signer_1/webhooks", BODIES["create_signer_webhook"])
    assert answer.status == 201
    event = await records.event(data=b'{"certificate_id": "the owner\'s"}')
    dead = await records.delivery(webhook["id"], event)
    address = await records.address("owner@example.com")
    await records.delivery("", event, channel="email", recipient="owner@example.com", export_id="export_1")
    ids = {
        "webhook_id": webhook["id"],
        "signer_id": "signer_1",
        "event_id": event.id,
        "delivery_id": dead.id,
        "subscription_id": address.id,
        "export_id": "export_1",
    }
    before = await _everything(api, tenant)
    intruder = new_tenant()
    for operation in operations:
        path = operation.path.format(**ids)  # a new kind of id must be added
        assert not operation.needs_body or operation.name in BODIES, operation
        async with http.request(
            operation.method,
            api.url + path,
            json=BODIES.get(operation.name),
            headers={"Authorization": f"Bearer {token(intruder)}"},
        ) as response:
            text = await response.text()
        named_by_id = "{" in operation.path and operation.name not in LISTS
        assert (response.status == 404) == named_by_id, (operation, text)
        for secret in ("the owner's", "owner@", webhook["id"], dead.id, event.id, tenant):
            assert secret not in text, operation
    assert await _everything(api, tenant) == before


async def _everything(api: System, tenant: str) -> str:
    """All that is stored of a tenant, to compare."""
    database = api.database
    collections = (database.subscriptions, database.events, database.deliveries, database.idempotency)
    found = [await collection.find({"tenant_id": tenant}).sort("_id").to_list() for collection in collections]
    return json.dumps(found, default=str)
