"""The output of `worker dlq`, made safe for a terminal because strangers write letters. No I/O."""

import base64
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from services.cli.dlq.letter import Letter
from services.cli.dlq.queues import Found
from services.cli.dlq.replay import Tally
from services.cli.terminal import age, printable
from shared.diagnosis.remedies import remedy
from shared.diagnosis.story import delivery_story
from shared.model.delivery import LoggedDelivery
from shared.model.topology import EVENT

HEADING: Final = f"{'QUEUE':<8} {'AGE':>4}  {'REASON':<18} {'ATTEMPTS':>8} {'STATUS':>6}  ID, TARGET, DETAIL"


def row(letter: Letter, now: datetime) -> str:
    """Return a letter as one line."""
    attempts = "-" if letter.attempts is None else letter.attempts
    status = "-" if letter.status is None else letter.status
    facts = f"{letter.queue:<8} {age(letter.parked_at, now):>4}  {letter.reason:<18} {attempts:>8} {status:>6}"
    return printable("  ".join(part for part in (facts, letter.id, letter.target, letter.detail) if part))


def whole(item: Found, logged: LoggedDelivery | None, *, as_json: bool) -> Iterator[str]:
    """Yield the lines that show a letter, and its delivery if that is recorded."""
    headers = {name: _plain(value) for name, value in sorted(item.message.headers.items())}
    story = [] if logged is None else list(delivery_story(logged))
    if as_json:
        facts = item.letter.as_json() | {"headers": headers, "body": _body(item.message.body), "delivery": story}
        yield msgspec.json.encode(facts).decode()
        return
    yield from (printable(f"{name}: {value}") for name, value in item.letter.as_json().items())
    yield "headers:"
    yield from (printable(f"  {name}: {value}") for name, value in headers.items())
    yield "body:"
    yield from (f"  {printable(line)}" for line in _body(item.message.body).splitlines())
    yield "delivery:"
    yield from (f"  {printable(line)}" for line in story or _without_delivery(item.letter))


def outcome(tally: Tally, *, dry_run: bool) -> Iterator[str]:
    """Yield the lines about what a replay did, or would do."""
    verb = "would be " if dry_run else ""
    yield f"{tally.replayed} of {tally.matched} letters {verb}replayed"
    if tally.settled:
        yield f"{tally.settled} {verb}removed: their deliveries are no longer dead, or died again since"
    for refusal, count in sorted(tally.refused.items(), key=lambda item: -item[1]):
        if count:
            yield f"{count} {verb}kept: {refusal.code}: {refusal.detail}"


def discarded(counts: Counter[tuple[str, str]], *, dry_run: bool) -> Iterator[str]:
    """Yield the lines about what was, or would be, discarded."""
    for (queue, reason), count in sorted(counts.items()):
        last_copy = " (this is the only copy of these events)" if queue == EVENT and dry_run else ""
        yield f"{queue:<8} {reason:<18} {count:>8}{last_copy}"
    yield f"{counts.total()} letters {'would be ' if dry_run else ''}discarded"


def _without_delivery(letter: Letter) -> list[str]:
    advice = remedy(letter.reason, is_dead=True)
    if letter.queue == EVENT:
        return ["None: the event was not accepted.", *([f"To do: {advice}"] if advice else [])]
    return ["It is not (or no longer) recorded."]


def _plain(value: object) -> Any:
    return value if isinstance(value, str | int) else str(value)


def _body(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return f"base64: {base64.b64encode(body).decode()}"
