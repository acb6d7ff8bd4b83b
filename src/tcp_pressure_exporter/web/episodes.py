"""When something that happens a hundred times a second is worth a line of the log."""

import math
import time
from collections.abc import Callable

QUIET_SECONDS = 60.0


class Episodes:
    """Tells the first of several events of a kind: that after a minute without one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[int | None, float] = {}

    def begins(self, kind: int | None = None) -> bool:
        """Note an event; tell whether an episode of its kind, such as an errno, begins with it."""
        now = self._clock()
        before = self._last.get(kind, -math.inf)
        self._last[kind] = now
        return now - before > QUIET_SECONDS
