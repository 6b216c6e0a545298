"""Sends dead letters again. It may be killed at any moment: nothing is lost, and a second run finishes the work.

For each letter, first its delivery's document becomes pending (from then on the reconciler would publish it), then
its task is published and confirmed, and only then the letter is removed. If a second run meets the letter again, the
delivery is no longer dead, and the letter is just removed.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from services.cli.context import OperatorContext
from services.cli.dlq.letter import Letter, Wanted
from services.cli.dlq.queues import Chunk, Found, letters
from shared.delivery.replay import GivenUp, ReplayRefusal, Targets, requeue
from shared.model.delivery import Delivery, Replay
from shared.model.reasons import DeliveryState
from shared.model.routing import Outgoing, task_message
from shared.model.topology import EVENT, EVENTS
from shared.process.clock import now_ms

REPORT_EVERY: Final = 500
"""Letters between two lines of progress."""

NOT_RECORDED: Final = ReplayRefusal(
    code="not_recorded",
    detail="Its delivery is not (or no longer) recorded: its webhook was deleted, or RETENTION_DAYS have passed.",
)
NOT_STORED: Final = ReplayRefusal(code="event_not_stored", detail="Its event is no longer stored.")
UNREADABLE: Final = ReplayRefusal(
    code="unreadable", detail="It names no delivery, so it is not a task of Signalpost."
)
NO_KEY: Final = ReplayRefusal(
    code="no_routing_key", detail="Its original routing key is unknown, and a replay must not use another."
)


@dataclass
class Tally:
    """The result of a replay, in numbers."""

    matched: int = 0
    replayed: int = 0
    settled: int = 0
    """Removed, because the delivery is no longer dead, or has died again with a new letter."""
    refused: Counter[ReplayRefusal] = field(default_factory=Counter)


def is_settled(letter: Letter, delivery: Delivery) -> bool:
    """Tell whether a letter is outdated, because its delivery was requeued since."""
    if delivery.state is not DeliveryState.DEAD:
        return True
    return letter.attempts is not None and letter.attempts < delivery.attempts_made


class Replayer:
    """One run of `worker dlq replay`."""

    def __init__(
        self,
        context: OperatorContext,
        wanted: Wanted,
        replay: Replay,
        *,
        limit: int | None,
        force: bool,
        dry_run: bool,
        tell: Callable[[str], None],
    ) -> None:
        self._context, self._wanted, self._replay = context, wanted, replay
        self._limit, self._force, self._dry_run, self._tell = limit, force, dry_run, tell
        self._given_up = GivenUp()
        self.tally = Tally()

    async def run(self) -> Tally:
        """Replay the selected letters and return the result.

        Raises:
            BrokerUnavailable, StorageUnavailable: a server is away; letters not yet replayed stay in their queues.
        """
        await self._context.publisher.connect()
        total = await self._survey()
        async with aclosing(letters(self._context.amqp_url, self._wanted, limit=self._limit)) as chunks:
            async for chunk in chunks:
                before = self.tally.matched // REPORT_EVERY
                self.tally.matched += len(chunk.found)
                await (self._events(chunk) if chunk.queue == EVENT else self._deliveries(chunk))
                if self.tally.matched // REPORT_EVERY > before:
                    self._tell(f"{self.tally.matched} of {total} letters, {self.tally.replayed} replayed")
        return self.tally

    async def _survey(self) -> int:
        """Find out when each target was last given up, among all the letters; returns their number."""
        total = 0
        async with aclosing(letters(self._context.amqp_url, self._wanted, limit=self._limit)) as chunks:
            async for chunk in chunks:
                total += len(chunk.found)
                for delivery in (await self._recorded(chunk.found)).values():
                    if delivery.state is DeliveryState.DEAD:
                        self._given_up.add(delivery)
        return total

    async def _recorded(self, found: Sequence[Found]) -> dict[str, Delivery]:
        return await self._context.everything.deliveries([item.letter.delivery_id for item in found])

    async def _deliveries(self, chunk: Chunk) -> None:
        recorded = await self._recorded(chunk.found)
        # Check each target again for each chunk: if the first deliveries fail again, the rest should stay.
        targets = Targets(self._context.webhooks, self._context.deliveries, given_up=self._given_up)
        chosen: dict[str, Found] = {}
        copies: list[Found] = []
        for item in chunk.found:
            delivery = recorded.get(item.letter.delivery_id)
            if delivery is None:
                self.tally.refused[NOT_RECORDED if item.letter.delivery_id else UNREADABLE] += 1
            elif is_settled(item.letter, delivery) or delivery.id in chosen:
                copies.append(item)
            elif (refusal := await targets.refusal(delivery, force=self._force)) is not None:
                self.tally.refused[refusal] += 1
            else:
                chosen[delivery.id] = item
        if self._dry_run:
            self.tally.replayed += len(chosen)
        else:
            copies += await self._requeue(chunk, chosen, recorded)
            await self._remove(chunk, copies)
        self.tally.settled += len(copies)

    async def _requeue(
        self, chunk: Chunk, chosen: Mapping[str, Found], recorded: Mapping[str, Delivery]
    ) -> list[Found]:
        """Send deliveries again and remove their letters; returns the letters that others requeued first."""
        tasks = await requeue(
            self._context.events,
            self._context.deliveries,
            [recorded[delivery_id] for delivery_id in chosen],
            states=(DeliveryState.DEAD,),
            replay=self._replay,
            republished_by="worker",
        )
        messages = [task_message(task, now_ms=now_ms()) for task in tasks]
        await asyncio.gather(*(self._context.publisher.publish(message) for message in messages))
        await self._remove(chunk, [chosen[task.delivery_id] for task in tasks])
        self.tally.replayed += len(tasks)
        left = [chosen[delivery_id] for delivery_id in chosen.keys() - {task.delivery_id for task in tasks}]
        still_dead = {
            delivery_id
            for delivery_id, delivery in (await self._recorded(left)).items()
            if delivery.state is DeliveryState.DEAD
        }
        self.tally.refused[NOT_STORED] += len(still_dead)
        return [item for item in left if item.letter.delivery_id not in still_dead]

    async def _events(self, chunk: Chunk) -> None:
        """Publish events again with their original keys; a still invalid event becomes a dead letter again."""
        keyed = [item for item in chunk.found if item.letter.routing_key]
        self.tally.refused[NO_KEY] += len(chunk.found) - len(keyed)
        if not self._dry_run:
            publish = self._context.publisher.publish
            await asyncio.gather(*(publish(_event_again(item)) for item in keyed))
            await self._remove(chunk, keyed)
        self.tally.replayed += len(keyed)

    @staticmethod
    async def _remove(chunk: Chunk, items: Sequence[Found]) -> None:
        for item in items:
            await chunk.browser.remove(item.message)


def _event_again(item: Found) -> Outgoing:
    trace = item.message.headers.get("traceparent")
    return Outgoing(
        exchange=EVENTS,
        routing_key=item.letter.routing_key,
        body=item.message.body,
        headers={"traceparent": trace} if isinstance(trace, str) else {},
        content_type=item.message.content_type,
    )
