"""What each minute showed about one resource, and about its network namespace.

Of several samples in a minute, the worst is kept. A minute without a sample is missing: a gap is
shown as a gap.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

SECONDS = 60.0
BEFORE = 10  # minutes kept for anything that may become an incident
EXACT = 30  # the first minutes of an incident, including those before it, stay as they are
LONGEST = 40  # minutes of an incident; if it lasts, the later ones are merged


class Figures(NamedTuple):
    """How full a resource was. closes: per second; seconds_left: +Inf if no end is in sight.

    None means not known.
    """

    used: int
    limit: int | None
    ratio: float
    time_wait: int | None = None
    closes: float | None = None
    seconds_left: float | None = None


class States(NamedTuple):
    """The sockets of a namespace in the states that indicate pressure."""

    established: int
    syn_sent: int
    time_wait: int
    close_wait: int


class Minute(NamedTuple):
    """One minute. number: by the clock of the samples; timestamp: its first sample's, in Unix time.

    critical: whether it was critical in any sample. refused: calls counted in it. figures: None if
    the resource was not seen, or there is none; states: None if not known. span: how many minutes
    were merged.
    """

    number: int
    timestamp: float
    critical: bool
    figures: Figures | None
    states: States | None
    refused: int = 0
    samples: int = 1
    span: int = 1


Minutes = tuple[Minute, ...]


def minute_of(now: float) -> int:
    """Return the number of the minute at a time in seconds."""
    return int(now // SECONDS)


def with_minute(minutes: Minutes, new: Minute) -> Minutes:
    """Return the minutes with what another sample showed."""
    if minutes and new.number < minutes[-1].number + minutes[-1].span:
        return (*minutes[:-1], together(minutes[-1], new))
    return (*minutes, new)


def together(one: Minute, other: Minute) -> Minute:
    """Return two as one; `other` is the later one, or the same minute."""
    end = max(one.number + one.span, other.number + other.span)
    return Minute(
        number=one.number,
        timestamp=one.timestamp,
        critical=one.critical or other.critical,
        figures=_fuller(one.figures, other.figures),
        states=_most(one.states, other.states),
        refused=one.refused + other.refused,
        samples=one.samples + other.samples,
        span=end - one.number,
    )


def _fuller(one: Figures | None, other: Figures | None) -> Figures | None:
    if one is None or other is None:
        return one or other
    fuller = max(one, other, key=lambda figures: (figures.ratio, figures.used))
    return fuller._replace(
        closes=_known(max, one.closes, other.closes),
        seconds_left=_known(min, one.seconds_left, other.seconds_left),
    )


def _known(
    choose: Callable[[Iterable[float]], float], one: float | None, other: float | None
) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return choose(known) if known else None


def _most(one: States | None, other: States | None) -> States | None:
    if one is None or other is None:
        return one or other
    return States(*map(max, one, other))


def before(minutes: Minutes, now: int) -> Minutes:
    """Return the last BEFORE minutes, and the current one."""
    return tuple(minute for minute in minutes if minute.number >= now - BEFORE)


def bounded(minutes: Minutes) -> Minutes:
    """Return at most LONGEST: those after the first EXACT are merged in pairs."""
    if len(minutes) <= LONGEST:
        return minutes
    exact, rest = minutes[:EXACT], minutes[EXACT:]
    pairs = (rest[place : place + 2] for place in range(0, len(rest), 2))
    return (*exact, *(together(*pair) if len(pair) > 1 else pair[0] for pair in pairs))


def with_gaps(minutes: Minutes) -> Iterator[Minute | None]:
    """Yield the minutes, with None where some are missing between two."""
    end: int | None = None
    for minute in minutes:
        if end is not None and minute.number > end:
            yield None
        yield minute
        end = minute.number + minute.span
