"""What came of asking a source or building a part of the sample: a value, or the reason of none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tcp_pressure_exporter.kernel.errors import SourceError

Value = TypeVar("Value", covariant=True)  # noqa: PLC0105 - the plain name reads best in signatures
Built = TypeVar("Built")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Value]):
    """A value or an error, and the seconds it took."""

    seconds: float
    value: Value | None = None
    error: SourceError | None = None

    def get(self) -> Value:
        """Return the value; raises the SourceError where there is none."""
        if self.value is None:
            raise self.error or SourceError("source", "gave nothing")
        return self.value


def attempt(build: Callable[[], Built], clock: Callable[[], float]) -> Outcome[Built]:
    """Call `build` and time it; a SourceError becomes the outcome, so that the rest goes on."""
    start = clock()
    try:
        value = build()
    except SourceError as error:
        return Outcome(clock() - start, error=error)
    return Outcome(clock() - start, value)
