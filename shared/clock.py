"""The time now, in the two forms that documents and messages hold."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time now, to the millisecond that MongoDB keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def now_ms() -> int:
    """Return the milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
