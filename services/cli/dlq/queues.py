"""Reads the selected letters from the dead-letter queues, in chunks that fit into memory."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from services.cli.dlq.letter import Letter, Wanted, read_letter
from shared.broker.browser import Browser, Parked, browse
from shared.model.topology import dead_letter_queue
from shared.process.clock import utc_now

CHUNK = 100
"""Letters (of up to 1 MiB each) that are held in memory and handled together."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A selected letter and its message."""

    letter: Letter
    message: Parked


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Letters of one queue, and the browser that holds them: letters stay unless it removes them."""

    queue: str
    browser: Browser
    found: list[Found]


async def letters(url: str, wanted: Wanted, *, limit: int | None) -> AsyncGenerator[Chunk, None]:
    """Yield the selected letters, the oldest of each queue first; close the iterator when leaving early.

    Raises:
        BrokerUnavailable: the broker is away, or has no such queues.
    """
    count = 0
    for queue in wanted.queues:
        async with browse(url, dead_letter_queue(queue), name="worker.dlq") as browser:
            found: list[Found] = []
            async with aclosing(_matching(browser, queue, wanted)) as matching:
                while count != limit and (item := await anext(matching, None)) is not None:
                    count += 1
                    found.append(item)
                    if len(found) == CHUNK:
                        yield Chunk(queue=queue, browser=browser, found=found)
                        found = []
            if found:
                yield Chunk(queue=queue, browser=browser, found=found)


async def _matching(browser: Browser, queue: str, wanted: Wanted) -> AsyncGenerator[Found, None]:
    now = utc_now()
    async for message in browser.messages():
        letter = read_letter(queue, message)
        if wanted.matches(letter, now):
            yield Found(letter=letter, message=message)
