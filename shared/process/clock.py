"""The time now, in the two forms that documents and messages hold."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time now, to the millisecond that MongoDB keeps."""
    return datetime.fromtimestamp(now_ms() / 1000, UTC)


def now_ms() -> int:
    """Return the milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
