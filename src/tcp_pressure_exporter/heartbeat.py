"""The pulse of the sampling loop, for a supervisor that restarts what hangs."""

import math
import threading
import time
from collections.abc import Callable


class Heartbeat:
    """Beats after each good sample and while the loop then pauses, on the thread that samples."""

    def __init__(self, seconds: float, beat: Callable[[], None]) -> None:
        """Beat at least every so many seconds of a pause; with +Inf once at its beginning."""
        self._seconds = seconds
        self._beat = beat

    def pause(self, stop: threading.Event, end: float) -> None:
        """Beat until `end`, on the monotonic clock, or until `stop` is set."""
        while not stop.is_set():
            self._beat()
            left = max(0.0, end - time.monotonic())
            stop.wait(min(left, self._seconds))
            if left <= self._seconds:
                return


UNHEARD = Heartbeat(math.inf, lambda: None)
