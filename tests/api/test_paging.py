"""Lists, page by page: complete and without repeats, whatever is added meanwhile."""

from datetime import timedelta

import pytest

from services.api.http.paging import decode_cursor, encode_cursor
from shared.process.clock import utc_now
from shared.storage.tenant.pages import Position
from tests.api.records import Records
from tests.support.system import Client, System, new_tenant

URL = "http://127.0.0.1:9/in"


async def test_pages_neither_repeat_nor_miss_anything_while_rows_are_added(client: Client, records: Records) -> None:
    now = utc_now()
    # Several of the same millisecond, so that the time alone does not order them.
    made = [await records.delivery("wh_1", created_at=now - timedelta(milliseconds=n // 3)) for n in range(10)]
    seen: list[str] = []
    path = "/api/v1/deliveries?limit=3"
    cursor: str | None = ""
    while cursor is not None:
        page = await client.get(path + (f"&cursor={cursor}" if cursor else ""))
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        await records.delivery("wh_1")
    assert len(seen) == len(set(seen)) == 10
    assert set(seen) == {delivery.id for delivery in made}


async def test_the_newest_come_first(client: Client) -> None:
    created = [(await client.create_webhook(URL))["id"] for _ in range(3)]
    page = await client.get("/api/v1/webhooks")
    assert [item["id"] for item in page["items"]] == created[::-1]
    assert page["next_cursor"] is None


async def test_a_page_that_ends_with_the_last_row_has_no_cursor(client: Client) -> None:
    for _ in range(2):
        await client.create_webhook(URL)
    assert (await client.get("/api/v1/webhooks?limit=2"))["next_cursor"] is None
    assert (await client.get("/api/v1/webhooks?limit=1"))["next_cursor"] is not None


async def test_a_cursor_of_another_tenant_shows_nothing_of_it(api: System, client: Client) -> None:
    mine, theirs = client, api.client(new_tenant())
    for _ in range(2):
        await theirs.create_webhook(URL)
    cursor = (await theirs.get("/api/v1/webhooks?limit=1"))["next_cursor"]
    assert (await mine.get(f"/api/v1/webhooks?cursor={cursor}"))["items"] == []


def test_a_cursor_reads_back_as_it_was_written() -> None:
    position = Position(utc_now(), "wh_ünï")
    assert decode_cursor(encode_cursor(position)) == position


@pytest.mark.parametrize("cursor", ["", "=", "A", "!!!!", "bnVsbA", "W10", "WzEsMl0", "é"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its subclasses, whatever they say, become one answer
        decode_cursor(cursor)
