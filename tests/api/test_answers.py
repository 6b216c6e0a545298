"""What holds for every answer: headers against caching and guessing, HEAD, and scripts of other sites."""

import aiohttp
import pytest

from tests.api.serving import serving
from tests.support.system import Client, System, token

SITE = "https://app.example.com"


@pytest.mark.parametrize("path", ["/api/v1/webhooks", "/signers/s/webhooks", "/no/such/path", "/openapi.json"])
async def test_no_answer_is_stored_or_guessed_at(api: System, client: Client, path: str) -> None:
    answer = await client.call("GET", path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Strict-Transport-Security" not in answer.headers


async def test_a_page_that_says_it_itself_says_it_once(api: System, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{api.url}/email-subscriptions/confirm") as answer:
        assert answer.headers.getall("Cache-Control") == ["no-store"]


async def test_with_https_browsers_are_told_to_stay_with_it(api: System, http: aiohttp.ClientSession) -> None:
    async with (
        serving(api, PUBLIC_URL="https://api.example.com") as (_, port),
        http.get(f"http://127.0.0.1:{port}/health/live") as answer,
    ):
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/openapi.json", "/docs", "/api/v1/webhooks"])
async def test_head_is_answered_wherever_get_is(
    api: System, http: aiohttp.ClientSession, tenant: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {token(tenant)}"}
    async with http.get(api.url + path, headers=headers) as got:
        length = len(await got.read())
    async with http.head(api.url + path, headers=headers) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert answer.headers["Content-Length"] == str(length)


async def test_head_needs_a_token_where_get_does(api: System, http: aiohttp.ClientSession) -> None:
    async with http.head(f"{api.url}/api/v1/webhooks") as answer:
        assert answer.status == 401


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_the_health_port_answers_head_too(api: System, http: aiohttp.ClientSession, path: str) -> None:
    url = f"http://127.0.0.1:{api.services['api'].port('health')}{path}"
    async with http.get(url) as got:
        assert (got.status, bool(await got.read())) == (200, True)
    async with http.head(url) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
    async with http.post(url) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


async def test_the_metrics_are_not_on_the_public_port(api: System, client: Client) -> None:
    assert (await client.call("GET", "/metrics")).status == 404


async def test_scripts_of_other_sites_may_call_only_from_where_it_is_allowed(
    api: System, http: aiohttp.ClientSession, tenant: str
) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    async with serving(api, API_CORS_ORIGINS=SITE) as (_, port):
        url = f"http://127.0.0.1:{port}/api/v1/webhooks"
        async with http.options(url, headers={"Origin": SITE, **asks}) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, SITE)
        async with http.get(url, headers={"Origin": SITE}) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, SITE)
        async with http.options(url, headers={"Origin": "https://evil.example", **asks}) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers
    async with http.options(f"{api.url}/api/v1/webhooks", headers={"Origin": SITE, **asks}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
