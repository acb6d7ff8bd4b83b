"""A share of one CPU for questions that need not be asked at every sample."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Allowance:
    """Tells when a costly question may be asked again: often while it is cheap, else seldom.

    share: of one CPU, for the question by itself. longest: seconds of the longest pause.
    """

    def __init__(self, share: float, longest: float, clock: Callable[[], float]) -> None:
        self._share = share
        self._longest = longest
        self._clock = clock
        self._due_at = clock()

    def due(self) -> bool:
        """Tell whether the question may be asked now."""
        return self._clock() >= self._due_at

    @contextmanager
    def spend(self) -> Iterator[None]:
        """Measure what the question costs, and make it wait accordingly; not where it failed."""
        start = self._clock()
        yield
        end = self._clock()
        self._due_at = start + min((end - start) / self._share, self._longest)
