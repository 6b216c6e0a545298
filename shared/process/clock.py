"""The current time, in the two forms that documents and messages use."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time to the millisecond, MongoDB's precision."""
    return datetime.fromtimestamp(now_ms() / 1000, UTC)


def now_ms() -> int:
    """Return the milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
