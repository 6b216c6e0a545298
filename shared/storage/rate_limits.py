"""Rate limits: each webhook that has one books a slot for every request, in its own document.

So a limit holds over all consumer processes together, by the database's one clock and without anybody's share having
to be configured. Webhooks without a limit cost nothing here. What is booked and not used is lost, never made up for.
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

PATIENCE: Final = 1.0
"""Seconds for which a slot is waited for in the process; for a later one the delivery takes the delay ladder."""
MAX_HELD: Final = 100
"""Of one webhook, over all processes: a process should not be filled with deliveries that wait for their slot."""
MAX_AWAY: Final = 3600.0
"""Seconds. Whoever's turn is later comes to ask sooner, at a time of chance: a crowd that comes back together finds
a few slots free and then none for an hour."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """When a webhook may be sent its next request."""

    wait: float
    """Seconds from now."""
    is_booked: bool = True
    """False: nothing is booked; it is worth asking again after the wait."""


class Slots:
    """Books slots, one after the other at the distance that the webhook's limit asks for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Losing the latest bookings with a primary costs a few requests too many; waiting for each would cost more.
        self._collection = database.subscriptions.with_options(write_concern=WriteConcern(w=1))
        self._bookings: Batcher[str, Slot] = Batcher(self._book_all, window=READ_WINDOW, max_items=500)

    async def book(self, webhook_id: str) -> Slot:
        """Book the next slot of a webhook if it is near; waits while the database is away."""
        return await self._bookings.submit(webhook_id)

    async def _book_all(self, ids: Sequence[str]) -> list[Slot]:
        wanted = Counter(ids)
        booked = await asyncio.gather(*(self._book(webhook_id, count) for webhook_id, count in wanted.items()))
        slots = dict(zip(wanted, map(iter, booked), strict=True))
        return [next(slots[webhook_id]) for webhook_id in ids]

    async def _book(self, webhook_id: str, count: int) -> list[Slot]:
        document = await self._database.hold(
            lambda: self._collection.find_one_and_update(
                {"_id": webhook_id, "rate_limit": {"$gt": 0}},
                _booking(count),
                projection={"pace": 1},
                return_document=ReturnDocument.AFTER,
            )
        )
        if document is None:  # the limit, or the webhook, was removed a moment ago
            return [Slot(wait=0)] * count
        pace = document["pace"]
        near = [pace["first"] + number * pace["interval"] - pace["now"] for number in range(pace["booked"])]
        far = [pace["turn"] + number * pace["interval"] - pace["now"] for number in range(count - pace["booked"])]
        return [Slot(wait=wait) for wait in near] + [Slot(wait=_time_away(wait), is_booked=False) for wait in far]


def _time_away(turn: float) -> float:
    if turn >= MAX_AWAY:
        turn = MAX_AWAY * random.uniform(0.5, 1)  # noqa: S311
    return max(round(turn), 1)  # in whole seconds, as the ladder waits


def _booking(count: int) -> list[Document]:
    """Return the update that books up to `count` slots.

    `pace` holds in seconds: `now`, the `interval` between two slots, the `first` slot booked this time and how many
    are `booked`, the `next` free one; and for those who got none the `turn` of the first, and of who comes `after`.
    """
    now, interval, first = "$pace.now", "$pace.interval", "$pace.first"
    patience = {"$min": [PATIENCE, {"$multiply": [MAX_HELD, interval]}]}
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
        {"$set": {"pace.after": {"$min": [{"$add": ["$pace.turn", beyond]}, {"$add": [now, MAX_AWAY]}]}}},
    ]
