"""Splits an AMQP_URL that names several nodes of a cluster. Pure: `shared.broker` chooses one."""

import re
from typing import Final

EXPECTED: Final = "expected amqp://user:password@host:port/vhost or amqps://…, several nodes separated by commas"

_ONE = re.compile(r"amqps?://\S+")
_BETWEEN = re.compile(r"\s*,\s*(?=amqps?://)")  # a comma before anything else belongs to a password


def each_url(amqp_url: str) -> tuple[str, ...]:
    """Return the URL of each node, at least one.

    Raises:
        ValueError: one of them is not an AMQP URL; the text does not repeat it, because it holds a password.
    """
    urls = tuple(_BETWEEN.split(amqp_url.strip()))
    if not all(map(_ONE.fullmatch, urls)):
        raise ValueError(EXPECTED)
    return urls
