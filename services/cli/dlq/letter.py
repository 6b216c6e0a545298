"""A dead letter as an operator sees it: the facts in its headers and body, and the filter for letters. No I/O.

These queues may hold anything from anyone, so nothing here trusts what it reads or fails on it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from shared.broker.browser import Parked
from shared.model.event import rfc3339
from shared.model.identity import event_id
from shared.model.reasons import DeadReason
from shared.model.topology import DEFERRED_EVENTS, EVENT, EVENTS_TO_DISPATCH

UNKNOWN: Final = "unknown"
"""The reason of a letter that Signalpost did not write."""

_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])
_texts = msgspec.json.Decoder(str)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """The facts of a dead letter; empty or None if unknown."""

    queue: str
    """`webhook`, `email` or `event`."""
    reason: str
    detail: str
    attempts: int | None
    """How many attempts its delivery had when it died."""
    status: int | None
    target: str
    delivery_id: str
    event_id: str
    source_id: str
    """The event's id as its producer gave it."""
    event_type: str
    tenant_id: str
    subscription_id: str
    message_id: str
    """The broker's id of this letter."""
    routing_key: str
    """The key that an event was published with; a replay must use the same."""
    first_attempt_at: str
    last_attempt_at: str
    parked_at: datetime | None

    @property
    def id(self) -> str:
        """The id to show: the delivery's, else the event's, else the message's."""
        return self.delivery_id or self.event_id or self.message_id

    def as_json(self) -> dict[str, Any]:
        """Return the facts for a program."""
        facts = asdict(self) | {"parked_at": None if self.parked_at is None else rfc3339(self.parked_at)}
        return {"id": self.id} | {name: value for name, value in facts.items() if value not in (None, "")}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Selects letters; None filters nothing."""

    queues: tuple[str, ...]
    reason: str | None = None
    webhook: str | None = None
    id: str | None = None
    """Of the delivery, the event (ours or its producer's) or the message."""
    older_than: timedelta | None = None
    newer_than: timedelta | None = None

    def matches(self, letter: Letter, now: datetime) -> bool:
        """Tell whether a letter is selected; one without a time is neither old nor new.

        An empty id (a shell's unset variable, say) selects no letter.
        """
        ids = {letter.delivery_id, letter.event_id, letter.source_id, letter.message_id} - {""}
        return (
            (self.reason is None or letter.reason == self.reason)
            and (self.webhook is None or letter.subscription_id == self.webhook != "")
            and (self.id is None or self.id in ids)
            and self._is_of_age(letter.parked_at, now)
        )

    def _is_of_age(self, parked_at: datetime | None, now: datetime) -> bool:
        if parked_at is None:
            return self.older_than is None and self.newer_than is None
        age = now - parked_at
        return (self.older_than is None or age > self.older_than) and (
            self.newer_than is None or age < self.newer_than
        )


def read_letter(queue: str, message: Parked) -> Letter:
    """Return the facts of a message in a dead-letter queue."""
    headers = message.headers
    death = _death(headers)
    attributes = _event_attributes(message.body) if queue == EVENT else {}
    return Letter(
        queue=queue,
        reason=_text(headers, "dead-reason") or _broker_reason(headers),
        detail=_text(headers, "dead-detail"),
        attempts=_number(headers, "dead-attempts"),
        status=_number(headers, "dead-status"),
        target=_text(headers, "dead-target"),
        delivery_id=_text(headers, "delivery-id"),
        event_id=_text(headers, "event-id") or _event_id(attributes),
        source_id=attributes.get("id", ""),
        event_type=_text(headers, "event-type") or attributes.get("type", ""),
        tenant_id=_text(headers, "tenant-id") or attributes.get("tenantid", ""),
        subscription_id=_text(headers, "subscription-id"),
        message_id=message.message_id,
        routing_key=_text(headers, "dead-routing-key") or _first_key(death),
        first_attempt_at=_text(headers, "dead-first-attempt-at"),
        last_attempt_at=_text(headers, "dead-last-attempt-at"),
        parked_at=_time(death) or message.published_at,
    )


def _text(headers: Mapping[str, object], name: str) -> str:
    value = headers.get(name, "")
    return value[:1000] if isinstance(value, str) else ""


def _number(headers: Mapping[str, object], name: str) -> int | None:
    value = headers.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _broker_reason(headers: Mapping[str, object]) -> str:
    # The broker itself dead-letters a message that it delivered too often, and says so in headers of its own.
    return DeadReason.CRASH_LOOP.value if headers.get("x-first-death-reason") == "delivery_limit" else UNKNOWN


def _death(headers: Mapping[str, object]) -> Mapping[str, object]:
    """Return the broker's record of dead-lettering the message; empty if a service of ours did it."""
    deaths = headers.get("x-death")
    first = deaths[0] if isinstance(deaths, list) and deaths else None
    return first if isinstance(first, Mapping) else {}


def _first_key(death: Mapping[str, object]) -> str:
    keys = death.get("routing-keys")
    is_event = death.get("queue") in {EVENTS_TO_DISPATCH, DEFERRED_EVENTS}
    return keys[0] if is_event and isinstance(keys, list) and keys and isinstance(keys[0], str) else ""


def _time(death: Mapping[str, object]) -> datetime | None:
    time = death.get("time")
    return time if isinstance(time, datetime) else None


def _event_attributes(body: bytes) -> dict[str, str]:
    """Return an event's attributes that are text, even if the rest is invalid."""
    attributes: dict[str, str] = {}
    try:
        given = _objects.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return attributes
    for name in ("id", "source", "type", "tenantid"):
        try:
            attributes[name] = _texts.decode(given[name])
        except (KeyError, msgspec.DecodeError, UnicodeDecodeError):
            continue
    return attributes


def _event_id(attributes: Mapping[str, str]) -> str:
    if not {"id", "source", "tenantid"} <= attributes.keys():
        return ""
    return event_id(tenant_id=attributes["tenantid"], source=attributes["source"], source_id=attributes["id"])
