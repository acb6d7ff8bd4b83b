"""An answer that is asked for again only after a while."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Remembered(Generic[Answer]):
    """Asks at most every `seconds`; a failure is not remembered."""

    def __init__(
        self,
        ask: Callable[[], Answer],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._known: tuple[Answer, float] | None = None

    def get(self) -> Answer:
        """Return the answer; raises what asking raises."""
        now = self._clock()
        if self._known is None or now >= self._known[1]:
            self._known = None
            self._known = (self._ask(), now + self._seconds)
        return self._known[0]
