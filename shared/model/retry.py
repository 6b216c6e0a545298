"""The retry policy: what follows a failed attempt, and which delay step a wait takes.

Pure decisions: no clock, no randomness, no broker. Times are in seconds unless a name says otherwise.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_RETRY_AFTER = 24 * 3600.0
"""The longest wait in seconds that a receiver may ask for."""
JITTER = 0.2
"""Share by which a wait may be lengthened, so that deliveries that failed together don't return together."""
MAX_SCHEDULE_STEPS = 20

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}
_LARGEST_FIRST = (("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


def parse_duration(text: str) -> float:
    """Return the seconds in a text such as `10s`, `2m`, `1.5h` or `10`.

    Raises:
        ValueError: the text is not a duration; the message says what one looks like.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write a number with ms, s, m, h or d, such as 10s or 2m")
    return float(match[1]) * _UNITS[match[2]]


def duration_text(seconds: float) -> str:
    """Return what `parse_duration` reads back as these seconds, to the millisecond: 120.0 is `2m`."""
    milliseconds = round(seconds * 1000)
    if not milliseconds:
        return "0s"
    unit, size = next((unit, size) for unit, size in _LARGEST_FIRST if milliseconds % size == 0)
    return f"{milliseconds // size}{unit}"


@dataclass(frozen=True)
class RetrySchedule:
    """The waits between attempts: n waits allow n + 1 attempts."""

    waits: tuple[float, ...]

    @classmethod
    def parse(cls, text: str) -> "RetrySchedule":
        """Read a comma-separated list of durations; an empty text means one attempt only.

        Raises:
            ValueError: a part is not a duration, is longer than 24 h, or there are too many parts.
        """
        parts = [part for part in text.split(",") if part.strip()]
        if len(parts) > MAX_SCHEDULE_STEPS:
            raise ValueError(f"a retry schedule has at most {MAX_SCHEDULE_STEPS} waits, not {len(parts)}")
        waits = tuple(parse_duration(part) for part in parts)
        if any(wait > MAX_RETRY_AFTER for wait in waits):
            raise ValueError("a wait in a retry schedule is at most 24h")
        return cls(waits)

    def wait_after(self, attempt: int) -> float | None:
        """Return the wait after this attempt (1 is the first), or None if it was the last one."""
        return self.waits[attempt - 1] if attempt <= len(self.waits) else None


@dataclass(frozen=True)
class RetryIn:
    """Try again after this many seconds."""

    seconds: float


@dataclass(frozen=True)
class GiveUp:
    """The schedule is used up."""


def decide(schedule: RetrySchedule, *, attempt: int, retry_after: float | None, jitter: float) -> RetryIn | GiveUp:
    """Say what follows a failed attempt that may be retried.

    Args:
        schedule: the waits of this deployment or webhook.
        attempt: which attempt of this round failed, counted from 1.
        retry_after: the wait the receiver asked for; it can only lengthen ours, and is capped at 24 h.
        jitter: a number from 0 to 1 that spreads the wait over its +20 %.
    """
    wait = schedule.wait_after(attempt)
    if wait is None:
        return GiveUp()
    ours = wait * (1 + JITTER * jitter)
    return RetryIn(max(ours, min(retry_after or 0.0, MAX_RETRY_AFTER)))


def longest_step(remaining: float, steps: Sequence[float]) -> float | None:
    """Return the longest step that fits into the remaining wait, or None if even the shortest is too long."""
    return max((step for step in steps if step <= remaining), default=None)
