"""Publishing while somebody waits for the answer: confirmed within seconds, or a 503 that says to try again."""

import asyncio
from collections.abc import Iterable
from typing import Final

from services.api.http.context import ApiContext
from services.api.http.problems import unavailable
from shared.broker import Unroutable
from shared.model.routing import Outgoing

PUBLISH_TIMEOUT: Final = 5.0


async def publish_confirmed(context: ApiContext, messages: Iterable[Outgoing]) -> None:
    """Publish and wait until the broker has all of it safe.

    Whatever is published here is stored before, with a time by which it is due: if the broker is away, the
    reconciler publishes it when it is back.

    Raises:
        Problem: 503, the broker did not confirm in time.
    """
    try:
        async with asyncio.timeout(PUBLISH_TIMEOUT):
            await asyncio.gather(*(context.publisher.publish(message) for message in messages))
    except (TimeoutError, Unroutable) as error:
        detail = "The broker does not answer now. What you sent is stored and goes out later; a repeat is safe."
        raise unavailable("broker_unavailable", detail) from error
