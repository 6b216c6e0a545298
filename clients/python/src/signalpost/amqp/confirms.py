"""Notices that a broker no longer confirms what was published, although the connection lives.

A quorum queue that changes its leader can lose commands between the channel and the queue, and a channel does not
always send them again (rabbitmq-server pull requests 13095 and 14589 mend two such cases, in 4.0 and 4.2): its
publishers would wait for ever. The remedy is a new channel, on which the messages are published again.
"""

import asyncio
from typing import Final

from signalpost.amqp.connection import Link

CONFIRM_TIMEOUT: Final = 30.0
"""Seconds for which a confirm may be owed; an election takes a few, a broker that writes to a slow disk some more."""
_LOOKS: Final = 6  # in that time


async def confirm_overdue(link: Link, *, after: float) -> None:
    """Return once the oldest confirm of the link has been owed for `after` seconds, up to a sixth more.

    While the broker blocks publishers (memory or disk alarm), no time passes: it will confirm in the end.
    """
    owed: int | None = None
    looks = 0
    while looks < _LOOKS:
        await asyncio.sleep(after / _LOOKS)
        await link.raw.connection.ready()  # not while it blocks
        oldest = next(iter(link.raw.confirmations), None)
        looks = looks + 1 if oldest is not None and oldest == owed else 0
        owed = oldest
