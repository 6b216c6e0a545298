"""No secret is anywhere but in the one answer that shows it: in no log, in no document, in no dead letter."""

import json
from base64 import b64decode, b64encode
from typing import Any

from tests.support.receiver import Receiver
from tests.support.system import JWT_SECRET, MASTER_KEYS, System, certificate, token

IN_QUERY, IN_HEADER = "hunter2-in-the-query", "hunter2-in-a-header"


async def all_documents(system: System) -> str:
    """Every document of the database, as text, with binary values in base64 and hex."""

    def plain(value: object) -> str:
        return f"{b64encode(value).decode()} {value.hex()}" if isinstance(value, bytes) else str(value)

    database = system.database.deliveries.database
    found: list[Any] = []
    for name in await database.list_collection_names():
        found += await database[name].find().to_list()
    return json.dumps(found, default=plain)


async def make_traffic(system: System, receiver: Receiver, tenant: str) -> list[str]:
    """Send events down every path there is; return the secrets of the webhooks that were used."""
    client = system.client(tenant)
    secrets = []
    for path, answer in (("/ok", 200), ("/refuses", 404), ("/fails", 500), ("/gone", 410)):
        url = receiver.script(path, answer) + f"?token={IN_QUERY}"
        webhook = await client.create_webhook(url, "certificate.*", headers={"Authorization": IN_HEADER})
        secrets.append(webhook["secret"])
        rotated = await client.call("POST", f"/api/v1/webhooks/{webhook['id']}/rotate-secret", {})
        secrets.append(rotated.body["secret"])
        await client.call("POST", f"/api/v1/webhooks/{webhook['id']}/test")
    await client.call("POST", "/api/v1/webhooks", {"url": f"http://me:{IN_QUERY}@127.0.0.1/", "events": ["*"]})
    await system.publish(certificate(tenant))
    await system.publish_raw(b"garbage", routing_key="certificate.issued", headers={"probe": tenant})
    await system.wait_for_dead_letter("event", "probe", tenant)
    await system.wait_for_states(tenant, *["delivered"] * 2, *["dead"] * 6)
    return secrets


async def test_no_secret_can_be_found_anywhere_after_a_run(quick: System, receiver: Receiver, tenant: str) -> None:
    secrets = await make_traffic(quick, receiver, tenant)
    assert len(set(secrets)) == 8
    assert {request.headers["Authorization"] for request in receiver.requests} == {IN_HEADER}
    for letters in [await quick.dead_letters(key) for key in ("webhook", "event")]:
        assert letters
        assert_none_in(json.dumps(letters), [*spellings(secrets), IN_QUERY, IN_HEADER])
    assert_none_in(await all_documents(quick), [*spellings(secrets), *ours(quick)])
    logs = quick.logs()
    assert tenant in logs, "the logs are those of this run"
    bearer = token(tenant).split(".")[1]
    assert_none_in(logs, [*spellings(secrets), *ours(quick), IN_QUERY, IN_HEADER, bearer])


def spellings(secrets: list[str]) -> list[str]:
    """Each secret's base64 without the prefix, and its key in hex."""
    parts = [secret.removeprefix("whsec_") for secret in secrets]
    return parts + [b64decode(part).hex() for part in parts]


def ours(system: System) -> list[str]:
    """The deployment's own secrets."""
    amqp_password = system.environment["AMQP_URL"].split(":")[2].split("@")[0]
    key = MASTER_KEYS.partition(":")[2]
    return [amqp_password, JWT_SECRET, key, b64decode(key).decode(), b64decode(key).hex()]


def assert_none_in(text: str, secrets: list[str]) -> None:
    for secret in secrets:
        at = text.find(secret)
        assert at < 0, text[max(at - 200, 0) : at + len(secret) + 50]
