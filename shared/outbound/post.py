"""One bounded POST: limits on its time, on how much of the answer is read, and on how much is kept.

It doesn't know what it posts, doesn't interpret the status and follows no redirect.
"""

import asyncio
import time
from collections.abc import Mapping

import aiohttp
from yarl import URL

from shared.outbound.answer import HttpAnswer, HttpFailure
from shared.outbound.failures import SEND_ERRORS, classify
from shared.outbound.resolver import LookupsExhausted
from shared.outbound.session import dialling_for

MAX_READ_BYTES = 64 * 1024
EXCERPT_BYTES = 1024


async def post_bounded(
    session: aiohttp.ClientSession, url: URL, *, body: bytes, headers: Mapping[str, str], total_timeout: float
) -> HttpAnswer | HttpFailure:
    """Post a body and return the answer or the failure.

    An answer counts once it has ended, or once 64 KiB of it were read. In the second case the connection is closed;
    otherwise it is reused. An answer that drips or breaks off before that is a failure, whatever its status: a server
    that never finishes must not hold a place for longer than the timeout.

    Args:
        session: an `outbound_session`.
        url: a URL that the policy's `check_url` returned.
        body: the raw bytes to post.
        headers: all headers except those that HTTP itself needs.
        total_timeout: seconds for everything from the name lookup to the end of the answer.

    Raises:
        LookupsExhausted: nothing was sent, because no name lookup was free.
    """
    started = time.monotonic()
    try:
        # Not aiohttp's `total`, which rounds a timeout of more than 5 s up to the next full second.
        with dialling_for(url.raw_host or ""):
            async with (
                asyncio.timeout(total_timeout),
                session.post(
                    url, data=aiohttp.BytesPayload(body), headers=headers, allow_redirects=False
                ) as response,
            ):
                excerpt = await _read(response)
    except SEND_ERRORS as error:
        if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, LookupsExhausted):
            raise error.os_error from None
        error_class, detail = classify(error)
        return HttpFailure(error_class=error_class, detail=detail, duration=time.monotonic() - started)
    return HttpAnswer(
        status=response.status,
        retry_after=response.headers.get("Retry-After"),
        excerpt=excerpt,
        duration=time.monotonic() - started,
    )


async def _read(response: aiohttp.ClientResponse) -> bytes:
    excerpt = b""
    read = 0
    async for chunk in response.content.iter_any():
        excerpt += chunk[: EXCERPT_BYTES - len(excerpt)]
        read += len(chunk)
        if read >= MAX_READ_BYTES:
            break  # aiohttp closes a connection whose answer was not read to its end
    return excerpt
