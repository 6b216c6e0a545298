"""Accepted events in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.model.event import Event, StoredEvent


class MemoryEvents:
    """Stands for `shared.storage.Events`."""

    def __init__(self) -> None:
        self._pending: dict[str, datetime] = {}
        self.by_id: dict[str, StoredEvent] = {}

    async def dispatched(self, event_ids: Sequence[str]) -> dict[str, bool]:
        """Return for each stored event whether it has been dispatched."""
        stored = {event_id: self.by_id[event_id] for event_id in event_ids if event_id in self.by_id}
        return {event_id: event.dispatched_at is not None for event_id, event in stored.items()}

    async def record_dispatched(self, stored: Sequence[StoredEvent], *, known: frozenset[str]) -> None:
        """Store events as dispatched; `known` are the ids of those that are stored already."""
        for item in stored:
            event_id = item.event.id
            if event_id not in known:
                self.by_id.setdefault(event_id, item)
            elif (earlier := self.by_id.get(event_id)) is not None and earlier.dispatched_at is None:
                self.by_id[event_id] = replace(earlier, dispatched_at=item.dispatched_at, matched=item.matched)
                self._pending.pop(event_id, None)

    async def add_accepted(self, event: Event, *, at: datetime, uncatalogued: bool) -> bool:
        """Store an event that is yet to be published; False if this identity is stored already."""
        if event.id in self.by_id:
            return False
        self.by_id[event.id] = StoredEvent(
            event=event, created_at=at, dispatched_at=None, matched=0, uncatalogued=uncatalogued
        )
        self._pending[event.id] = at
        return True

    async def get_many(self, event_ids: Sequence[str]) -> dict[str, StoredEvent]:
        """Return the stored events among these."""
        return {event_id: self.by_id[event_id] for event_id in event_ids if event_id in self.by_id}

    async def undispatched(self, *, before: datetime, limit: int) -> list[str]:
        """Return ids of accepted events that were never dispatched, oldest first."""
        waiting = sorted((since, event_id) for event_id, since in self._pending.items() if since < before)
        return [event_id for _, event_id in waiting[:limit]]

    async def give_up(self, event: Event) -> None:
        """Note that this very event was dead-lettered, so that nobody goes on publishing it."""
        stored = self.by_id.get(event.id)
        if stored is not None and (stored.event.type, stored.event.data) == (event.type, event.data):
            self._pending.pop(event.id, None)
