"""Questions that need not be asked in every sample: paced by a share of one CPU, or by time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar


class Spending:
    """The CPU time that one thread has spent under allowances, in seconds: a running total.

    cpu: the clock of that thread's CPU time.
    """

    def __init__(self, cpu: Callable[[], float] = time.thread_time) -> None:
        self.seconds = 0.0
        self._cpu = cpu
        self._within = False

    @contextmanager
    def added(self) -> Iterator[None]:
        """Add what the block spends, unless it fails; a block within another counts once."""
        if self._within:
            yield
            return
        self._within, began = True, self._cpu()
        try:
            yield
            self.seconds += self._cpu() - began
        finally:
            self._within = False


class Allowance:
    """Tells when a costly question may be asked again: often while it is cheap, otherwise seldom.

    share: of one CPU, for this question alone. longest: the longest pause in seconds. cost: the
    clock that measures the question, None for the same one; a clock of the thread's own CPU time
    measures less than that on a host without free CPU. spending: what all allowances of the thread
    add to, None if nobody asks for it.
    """

    def __init__(
        self,
        share: float,
        longest: float,
        clock: Callable[[], float],
        cost: Callable[[], float] | None = None,
        spending: Spending | None = None,
    ) -> None:
        self._share = share
        self._longest = longest
        self._clock = clock
        self._cost = cost or clock
        self._spending = spending or Spending()
        self._due_at = clock()

    def due(self) -> bool:
        """Tell whether the question may be asked now."""
        return self._clock() >= self._due_at

    @contextmanager
    def spend(self) -> Iterator[None]:
        """Measure what the question costs, and make it wait accordingly unless it failed.

        Several questions in a row wait for the sum.
        """
        start, began = self._clock(), self._cost()
        with self._spending.added():
            yield
        due_at = max(start, self._due_at) + (self._cost() - began) / self._share
        self._due_at = min(due_at, start + self._longest)


Answer = TypeVar("Answer")


class Remembered(Generic[Answer]):
    """Asks at most once in `seconds`; a failure is not remembered."""

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
