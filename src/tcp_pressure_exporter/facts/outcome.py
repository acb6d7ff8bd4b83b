"""What came of asking a source: a value, or the one error that every source raises."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar


class SourceError(Exception):
    """A source could not be read, or its answer made no sense; the text names the operation."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation}: {reason}")
        self.operation = operation
        self.reason = reason


class SettingError(SourceError):
    """A system setting could not be read; the sockets may be fine all the same."""


Value = TypeVar("Value", covariant=True)  # noqa: PLC0105 - the plain name reads best in signatures
Built = TypeVar("Built")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Value]):
    """A value or an error, and the seconds it took; both where only a part could be built."""

    seconds: float
    value: Value | None = None
    error: SourceError | None = None

    def get(self) -> Value:
        """Return the value; raises the SourceError where there is none."""
        if self.value is None:
            raise self.error or SourceError("source", "gave nothing")
        return self.value


@dataclass(frozen=True, slots=True)
class Incomplete(Generic[Value]):
    """What could be built, and why the rest is missing."""

    value: Value
    error: SourceError


def attempt(
    build: Callable[[], Built | Incomplete[Built]], clock: Callable[[], float]
) -> Outcome[Built]:
    """Call `build` and time it; a SourceError becomes the outcome, so that the rest carries on."""
    start = clock()
    try:
        value = build()
    except SourceError as error:
        return Outcome(clock() - start, error=error)
    if isinstance(value, Incomplete):
        return Outcome(clock() - start, value.value, value.error)
    return Outcome(clock() - start, value)


def errno_reason(code: int) -> str:
    """Name the negative errno of the kernel's answer, as in "EBUSY: Device or resource busy"."""
    name = errno.errorcode.get(-code)
    return f"{name}: {os.strerror(-code)}" if name else f"error {code}"
