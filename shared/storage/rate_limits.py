"""Rate limits: before each request to a webhook that has one, the consumer reserves a time in the webhook's document.

So a limit holds over all consumer processes together, by the database's one clock, and no process needs a configured
share. Webhooks without a limit cost nothing here. A reservation that is not used is lost, never made up for.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pymongo import ReturnDocument
from pymongo.write_concern import WriteConcern

from shared.process.batching import Batcher
from shared.storage.database import Database, Document
from shared.storage.subscriptions import READ_WINDOW

MAX_LOCAL_WAIT: Final = 1.0
"""Longest wait in seconds that a delivery spends in the process; if its turn is later, it is deferred."""
MAX_WAITING: Final = 100
"""Reservations of one webhook that may be waiting, over all processes: they must not fill a process."""
MAX_DEFERRAL: Final = 3600.0
"""Longest wait in seconds we hand out, with jitter so that deferred deliveries don't all return at once."""


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """When a webhook may be sent its next request."""

    wait: float
    """Seconds from now."""
    is_reserved: bool = True
    """False: nothing is reserved; ask again after the wait."""


class RateLimiter:
    """Reserves times for requests, spaced as the webhook's limit demands."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # A primary that dies may lose the latest reservations, which costs a few requests too many; a majority write
        # for each would cost more.
        self._collection = database.subscriptions.with_options(write_concern=WriteConcern(w=1))
        self._requests: Batcher[str, Reservation] = Batcher(self._reserve_all, window=READ_WINDOW, max_items=500)

    async def reserve(self, webhook_id: str) -> Reservation:
        """Reserve the webhook's next free time if it is near; waits while the database is away."""
        return await self._requests.submit(webhook_id)

    async def _reserve_all(self, ids: Sequence[str]) -> list[Reservation]:
        wanted = Counter(ids)
        reserved = await asyncio.gather(*(self._reserve(webhook_id, count) for webhook_id, count in wanted.items()))
        reservations = dict(zip(wanted, map(iter, reserved), strict=True))
        return [next(reservations[webhook_id]) for webhook_id in ids]

    async def _reserve(self, webhook_id: str, count: int) -> list[Reservation]:
        document = await self._database.hold(
            lambda: self._collection.find_one_and_update(
                {"_id": webhook_id, "rate_limit": {"$gt": 0}},
                _reservation_update(count),
                projection={"pace": 1},
                return_document=ReturnDocument.AFTER,
            )
        )
        if document is None:  # the limit, or the webhook, was removed a moment ago
            return [Reservation(wait=0)] * count
        pace = document["pace"]
        near = [pace["first"] + number * pace["interval"] - pace["now"] for number in range(pace["booked"])]
        far = [pace["turn"] + number * pace["interval"] - pace["now"] for number in range(count - pace["booked"])]
        return [Reservation(wait=wait) for wait in near] + [
            Reservation(wait=_deferral(wait), is_reserved=False) for wait in far
        ]


def _deferral(turn: float) -> float:
    if turn >= MAX_DEFERRAL:
        turn = MAX_DEFERRAL * random.uniform(0.5, 1)  # noqa: S311
    return max(round(turn), 1)  # in whole seconds, as the delay queues wait


def _reservation_update(count: int) -> list[Document]:
    """Return the update that reserves up to `count` times.

    `pace` holds, in seconds: `now`, the `interval` between two requests, the `first` time that this update reserved,
    the `next` free time, and for requests that got none the `turn` of the first of them and of the one `after` them;
    `booked` counts the reservations of this update.
    """
    now, interval, first = "$pace.now", "$pace.interval", "$pace.first"
    patience = {"$min": [MAX_LOCAL_WAIT, {"$multiply": [MAX_WAITING, interval]}]}
    near = {"$add": [1, {"$floor": {"$divide": [{"$subtract": [{"$add": [now, patience]}, first]}, interval]}}]}
    beyond = {"$multiply": [{"$subtract": [count, "$pace.booked"]}, interval]}
    return [
        {
            "$set": {
                "pace.now": {"$divide": [{"$toDouble": "$$NOW"}, 1000]},
                "pace.interval": {"$divide": [1, "$rate_limit"]},
            }
        },
        {"$set": {"pace.first": {"$max": [now, "$pace.next"]}}},  # $max passes over what is not there yet
        {"$set": {"pace.booked": {"$toInt": {"$max": [0, {"$min": [count, near]}]}}}},
        {"$set": {"pace.next": {"$add": [first, {"$multiply": ["$pace.booked", interval]}]}}},
        {"$set": {"pace.turn": {"$max": ["$pace.next", "$pace.after"]}}},
        {"$set": {"pace.after": {"$min": [{"$add": ["$pace.turn", beyond]}, {"$add": [now, MAX_DEFERRAL]}]}}},
    ]
