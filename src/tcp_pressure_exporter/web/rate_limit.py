"""How many requests a second all clients together may make."""

import time
from collections.abc import Callable


class TokenBucket:
    """Admits `burst` requests at once and then one each `interval` seconds.

    The same bucket as golang.org/x/time/rate, which exporter-toolkit uses: it is full at the
    start, and a request that finds it empty is refused rather than delayed.
    """

    def __init__(
        self, interval: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval = interval
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._filled = clock()

    def take(self) -> bool:
        """Take a token; False where there is none."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) / self._interval)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
