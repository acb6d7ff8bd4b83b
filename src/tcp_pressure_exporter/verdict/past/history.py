"""What the last hour looked like: a bounded memory of a few numbers, coarser than the samples.

An hour is a ring of points. A point keeps the highest value of its samples, since peaks matter. A
sample holds until the next one, as long as it counts as current; where there was none, there is a
gap, and it remains. The sampling thread writes it, and the one that renders the page reads it.
"""

import math
import threading
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tcp_pressure_exporter.sample.latest import STALE_INTERVALS
from tcp_pressure_exporter.sample.sample import SOCKETS, Sample
from tcp_pressure_exporter.sample.sockets import SocketStates
from tcp_pressure_exporter.verdict.assessment import Assessment

POINT_SECONDS = 15.0
POINTS = 240  # an hour
MAX_SERIES = 512  # of 1 KiB each

Line = list[float | None]  # oldest first; None is a gap


class SeriesKey(NamedTuple):
    """What a series is about; kind and name as in an assessment, or for sockets in a state."""

    netns: str
    kind: str
    name: str


class History:
    """The last hour of at most `max_series` series, in points of POINT_SECONDS."""

    def __init__(self, max_series: int = MAX_SERIES) -> None:
        self._max_series = max_series
        self._series: dict[SeriesKey, _Series] = {}
        self._point = 0
        self._sample = -math.inf
        self._valid_until = -math.inf

    def record(self, now: float, holds: float, values: Iterable[tuple[SeriesKey, float]]) -> None:
        """Add a sample taken at `now`, seconds on a monotonic clock; it holds for that long.

        If there are too many series, those not seen for longest go; if all were seen just now,
        there is no room for more.
        """
        point = int(now // POINT_SECONDS)
        for key, value in values:
            series = self._series.get(key) or self._admitted(key, point)
            if series is not None:
                held = series.seen == self._sample and now <= self._valid_until
                series.put(point, value, held=held)
                series.seen = now
        self._point, self._sample, self._valid_until = point, now, now + holds

    def line(self, key: SeriesKey) -> Line:
        """Return the hour that ends with the newest sample, from its first known point."""
        series = self._series.get(key)
        return series.line(self._point) if series else []

    def _admitted(self, key: SeriesKey, point: int) -> "_Series | None":
        if len(self._series) >= self._max_series:
            oldest = min(self._series, key=lambda known: self._series[known].last)
            # Series of the previous sample may still come later in this one.
            if self._series[oldest].last >= self._point:
                return None
            del self._series[oldest]
        series = self._series[key] = _Series(point - 1)
        return series


class _Series:
    """A ring of points; `last` is the newest one set, `seen` when a sample last had the series."""

    __slots__ = ("_points", "last", "seen")

    def __init__(self, last: int) -> None:
        self._points = array("f", [math.nan]) * POINTS
        self.last = last
        self.seen = math.nan  # which equals no time

    def put(self, point: int, value: float, *, held: bool) -> None:
        """Set a point; held: whether the last one held until now."""
        place = point % POINTS
        if point == self.last:
            self._points[place] = max(self._points[place], value)
            return
        between = self._points[self.last % POINTS] if held else math.nan
        for missed in range(max(self.last, point - POINTS) + 1, point):
            self._points[missed % POINTS] = between
        self._points[place] = value
        self.last = point

    def line(self, until: int) -> Line:
        first = until - POINTS + 1
        values = (
            self._points[point % POINTS] if point <= self.last else math.nan
            for point in range(first, until + 1)
        )
        line = [None if math.isnan(value) else value for value in values]
        known = next((place for place, value in enumerate(line) if value is not None), len(line))
        return line[known:]


def observed_values(
    sample: Sample, assessments: Iterable[Assessment]
) -> Iterator[tuple[SeriesKey, float]]:
    """Yield the ratio of each finite resource, and how many sockets are in each state.

    assessments: those of the sample's namespaces.
    """
    for namespace, found in zip(sample.namespaces, assessments, strict=True):
        for pressure in found.pressures:
            yield SeriesKey(namespace.netns, pressure.kind, pressure.name), pressure.ratio
        states = namespace.value(SOCKETS)
        for state, count in by_state(states or {}).items():
            yield SeriesKey(namespace.netns, SOCKETS.name, state), count


def by_state(states: SocketStates) -> Counter[str]:
    """Return the sockets by state, both families together."""
    counts: Counter[str] = Counter()
    for (_family, state), count in states.items():
        counts[state] += count
    return counts


class RecentHour:
    """A History for two threads; neither waits longer than the other takes to copy numbers."""

    def __init__(self) -> None:
        self._history = History()
        self._lock = threading.Lock()

    def record(self, sample: Sample, assessments: Iterable[Assessment]) -> None:
        """Add a sample with the assessments of its namespaces."""
        values = list(observed_values(sample, assessments))
        with self._lock:
            self._history.record(sample.started, STALE_INTERVALS * sample.interval, values)

    def line(self, key: SeriesKey) -> Line:
        """Return the hour of one series that ends with the newest sample."""
        with self._lock:
            return self._history.line(key)
