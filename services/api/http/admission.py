"""Sheds load at the door: only so many events are taken in at once, the others are told to come again.

While the broker blocks or crawls, each event waits for its confirm; without a bound they would queue without end.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from services.api.http.problems import unavailable

MAX_ADMITTED: Final = 200
"""At 5 ms for an event this is far more than one process takes in; at 5 s it is all that memory should hold."""


class Admission:
    """Counts who is inside."""

    def __init__(self) -> None:
        self._inside = 0

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Be inside for as long as the block lasts.

        Raises:
            Problem: 503, there is no room; nothing was stored.
        """
        if self._inside >= MAX_ADMITTED:
            detail = (
                "Events come in faster than the broker takes them. Nothing was stored; send this one again later."
            )
            raise unavailable("overloaded", detail)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
