"""Errors: problem documents with a stable code, one entry for each field, and never a traceback."""

import io
from typing import Any

import aiohttp
import pytest

from shared.model.event import MAX_EVENT_BYTES
from tests.support.system import Client, System, token

URL = "http://127.0.0.1:9/in"


async def _send(
    http: aiohttp.ClientSession, api: System, tenant: str, body: Any, content_type: str = "application/json"
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token(tenant)}", "Content-Type": content_type}
    async with http.post(f"{api.url}/api/v1/webhooks", data=body, headers=headers) as answer:
        assert answer.content_type == "application/problem+json"
        return answer.status, await answer.json(content_type=None)


async def test_a_problem_has_the_members_of_rfc_9457_and_a_code(client: Client) -> None:
    answer = await client.call("GET", "/api/v1/webhooks/wh_none")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body == {
        "type": "urn:signalpost:problem:not_found",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no such webhook.",
        "code": "not_found",
        "errors": [],
    }


async def test_every_wrong_field_has_an_entry(client: Client) -> None:
    body = {"events": "*", "description": 7, "headers": {"X-A": 1}, "enabled": "perhaps", "colour": "red"}
    answer = await client.call("POST", "/api/v1/webhooks", body)
    assert (answer.status, answer.body["code"]) == (422, "invalid_body")
    fields = {error["field"] for error in answer.body["errors"]}
    assert fields == {"url", "events", "description", "headers.X-A", "enabled", "colour"}


async def test_every_field_that_breaks_a_rule_has_an_entry_too(client: Client) -> None:
    body = {
        "url": "http://10.0.0.1/in",
        "events": ["certificate.issued", "nobody.knows", "Not A Pattern"],
        "headers": {"Host": "x", "X A": "y", "X-Line": "a\r\nb", "x-twice": "1", "X-Twice": "2"},
        "retry_schedule": ["1s", "soon", "25h", 5],
    }
    answer = await client.call("POST", "/api/v1/webhooks", body)
    assert (answer.status, answer.body["code"]) == (422, "url_refused")
    assert {(error["field"], error["code"]) for error in answer.body["errors"]} == {
        ("url", "url_refused"),
        ("events.1", "unknown_event_type"),
        ("events.2", "invalid_pattern"),
        ("headers.Host", "invalid_header"),
        ("headers.X A", "invalid_header"),
        ("headers.X-Line", "invalid_header"),
        ("headers.X-Twice", "invalid_header"),
        ("retry_schedule.1", "invalid_duration"),
        ("retry_schedule.2", "invalid_duration"),
    }


async def test_an_unknown_event_type_is_named(client: Client) -> None:
    answer = await client.call("POST", "/api/v1/webhooks", {"url": URL, "events": ["nobody.knows"]})
    assert (answer.status, answer.body["code"]) == (422, "unknown_event_type")
    assert "nobody.knows" in answer.body["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"url": NaN}',
        b"\xff\xfe",
        b'{"url": "\xff"}',
        b'{"url": "\\ud800", "events": ["*"]}',
        b'{"\\ud800": 1}',
        b'{"url": "http://127.0.0.1:9/in", "events": ["*"], "\\udfff": 1}',
        b"[" * 100_000,
        b'{"url": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: str(body[:30]),
)
async def test_no_body_breaks_the_api(api: System, http: aiohttp.ClientSession, tenant: str, body: bytes) -> None:
    status, problem = await _send(http, api, tenant, body)
    assert status in (400, 422)
    assert problem["status"] == status
    assert problem["code"]


async def test_a_body_that_is_too_large_is_413(api: System, http: aiohttp.ClientSession, tenant: str) -> None:
    async def chunks() -> Any:  # without a Content-Length
        for _ in range(MAX_EVENT_BYTES // 65_536 + 1):
            yield b" " * 65_536

    for body in (io.BytesIO(b" " * (MAX_EVENT_BYTES + 1)), chunks()):
        status, problem = await _send(http, api, tenant, body)
        assert (status, problem["code"]) == (413, "body_too_large")


async def test_a_body_that_is_not_json_is_415(api: System, http: aiohttp.ClientSession, tenant: str) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
        status, problem = await _send(http, api, tenant, b"{}", content_type)
        assert (status, problem["code"]) == (415, "unsupported_media_type")


async def test_a_wrong_method_is_405_and_an_unknown_path_404(client: Client) -> None:
    answer = await client.call("PUT", "/api/v1/webhooks")
    assert (answer.status, answer.body["code"]) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    answer = await client.call("GET", "/api/v1/nothing")
    assert (answer.status, answer.body["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("cursor=%00", "cursor"),
        ("cursor=bm90IGEgY3Vyc29y", "cursor"),
        ("cursor=WzFlMzAwLCJ4Il0", "cursor"),
        ("cursor=Wzk5OTk5OTk5OTk5OTk5OTksIngiXQ", "cursor"),
        ("status=lost", "status"),
        ("channel=pigeon", "channel"),
        ("since=yesterday", "since"),
        ("since=1700000000", "since"),
        ("until=2026-11-21T10:00:00", "until"),
        ("until=0001-01-01T00:00:00%2B23:59", "until"),
    ],
)
async def test_a_wrong_parameter_is_422_and_named(client: Client, query: str, field: str) -> None:
    answer = await client.call("GET", f"/api/v1/deliveries?{query}")
    assert answer.status == 422
    assert [error["field"] for error in answer.body["errors"]] == [field]
