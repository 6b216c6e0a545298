"""URLs that lead inside: refused when a webhook is created or changed, with a reason for its owner."""

from pathlib import Path

import aiohttp

from tests.api.serving import serving
from tests.support.system import Client, System, token

VECTORS = (Path(__file__).parents[1] / "vectors" / "ssrf_urls.txt").read_text().splitlines()
URLS = [line for line in VECTORS if line and not line.startswith("#")]


async def test_every_hostile_url_is_refused_with_a_reason_that_does_not_repeat_it(
    api: System, http: aiohttp.ClientSession, tenant: str
) -> None:
    assert len(URLS) > 40
    async with serving(api, SECURITY_OUTBOUND_ALLOWED_NETWORKS="") as (_, port):
        client = Client(http, f"http://127.0.0.1:{port}", token(tenant))
        good = await client.create_webhook("http://93.184.215.14/")
        for url in URLS:
            created = await client.call("POST", "/api/v1/webhooks", {"url": url, "events": ["*"]})
            changed = await client.call("PATCH", f"/api/v1/webhooks/{good['id']}", {"url": url})
            for answer in (created, changed):
                assert (answer.status, answer.body["code"]) == (422, "url_refused"), url
                [error] = answer.body["errors"]
                assert error["field"] == "url"
                assert url not in answer.body["detail"]
        assert (await client.get("/api/v1/webhooks"))["items"][0]["url"] == "http://93.184.215.14/"
