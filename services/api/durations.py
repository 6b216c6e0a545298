"""Waits of a retry schedule as text, in the largest unit that says them exactly. Pure."""

_UNITS = (("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


def duration_text(seconds: float) -> str:
    """Return what `shared.retry.parse_duration` reads back as these seconds, to the millisecond: 120.0 is `2m`."""
    milliseconds = round(seconds * 1000)
    if not milliseconds:
        return "0s"
    unit, size = next((unit, size) for unit, size in _UNITS if milliseconds % size == 0)
    return f"{milliseconds // size}{unit}"
