"""The AsyncAPI document is there for everybody, like the OpenAPI one, and holds no credentials."""

from urllib.parse import urlsplit

import aiohttp

from tests.support.system import System


async def test_anybody_may_read_which_events_there_are_and_nobody_reads_a_password(mail_system: System) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{mail_system.url}/asyncapi.json") as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        document, text = await answer.json(), await answer.text()
    assert document["asyncapi"] == "3.0.0"
    assert {"user.invited", "billing.export.delivery_updated"} <= set(document["channels"])
    assert "email.confirmation" not in text, "nobody can publish it or subscribe to it"
    broker = urlsplit(mail_system.environment["AMQP_URL"])
    assert document["servers"]["rabbitmq"]["host"] == broker.netloc.rpartition("@")[2]
    assert broker.username is not None
    assert broker.password is not None
    assert f"{broker.username}:{broker.password}" not in text
