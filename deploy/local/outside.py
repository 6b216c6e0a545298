"""Where the management API and the inbox of servers named from outside answer, for those who look into them.

Our own servers know it themselves; for others it is guessed from the host, and can be said with
RABBITMQ_MANAGEMENT_URL and INBOX_URL.
"""

import os
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

import aiohttp

from deploy.local.stack import Stack
from signalpost.amqp.urls import each_url

_MANAGEMENT_PORT = 15672
_MAILPIT_PORT = 8025


def management_url(stack: Stack) -> str:
    """Return the address of RabbitMQ's management UI."""
    if stack.rabbitmq is not None:
        return stack.rabbitmq.management_url
    guess = f"http://{_broker(stack).hostname}:{_MANAGEMENT_PORT}"
    return os.environ.get("RABBITMQ_MANAGEMENT_URL", guess)


def inbox_url(stack: Stack) -> str:
    """Return the address of the SMTP inbox's page; its API is Mailpit's."""
    if stack.inbox is not None:
        return stack.inbox.url
    return os.environ.get("INBOX_URL", f"http://{stack.environment()['NOTIFICATION_SMTP_HOST']}:{_MAILPIT_PORT}")


async def peek_queue(stack: Stack, queue: str, *, count: int = 100) -> list[dict[str, Any]]:
    """Return the first messages of a queue as the management API shows them; they stay there."""
    broker = _broker(stack)
    vhost = unquote(broker.path[1:]) or "/"
    auth = aiohttp.encode_basic_auth(unquote(broker.username or "guest"), unquote(broker.password or "guest"))
    path = f"/api/queues/{quote(vhost, safe='')}/{quote(queue)}/get"
    wanted = {"count": count, "ackmode": "ack_requeue_true", "encoding": "auto"}
    async with (
        aiohttp.ClientSession(headers={"Authorization": auth}) as session,
        session.post(management_url(stack) + path, json=wanted, raise_for_status=True) as answer,
    ):
        messages: list[dict[str, Any]] = await answer.json()
        return messages


def _broker(stack: Stack) -> SplitResult:
    """Of a cluster's nodes the first: each one's management API tells of all."""
    return urlsplit(each_url(stack.environment()["AMQP_URL"])[0])
