"""The memory of the last hour."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.verdict.past.history import (
    POINT_SECONDS,
    POINTS,
    History,
    Line,
    SeriesKey,
)

KEY = SeriesKey("host", "outbound", "10.0.0.2 → 10.0.0.9:443")
OTHER = SeriesKey("host", "sockets", "close_wait")
HOLDS = 15.0

Seen = list[tuple[float, float | None]]  # time and value; None: the sample did not have it


def recorded(seen: Seen, holds: float = HOLDS) -> History:
    history = History()
    for now, value in seen:
        history.record(now, holds, [] if value is None else [(KEY, value)])
    return history


def test_nothing_yet() -> None:
    """A series that was never seen has no past."""
    assert History().line(KEY) == []
    assert recorded([(5.0, 0.5)]).line(OTHER) == []


def test_the_highest_of_a_point_stays() -> None:
    """Within 15 s the highest value counts, whatever came before or after."""
    history = recorded([(0.0, 0.25), (5.0, 0.75), (10.0, 0.5), (15.0, 0.125)])
    assert history.line(KEY) == [0.75, 0.125]


def test_a_value_holds_until_the_next_sample() -> None:
    """With an interval of a minute each value fills its minute."""
    history = recorded([(0.0, 0.25), (60.0, 0.5)], holds=180.0)
    assert history.line(KEY) == [0.25, 0.25, 0.25, 0.25, 0.5]


def test_a_pause_is_a_gap() -> None:
    """If no sample was current there is a gap, and it stays."""
    history = recorded([(0.0, 0.25), (60.0, 0.5), (75.0, 0.5)])
    assert history.line(KEY) == [0.25, None, None, None, 0.5, 0.5]


def test_absence_is_a_gap() -> None:
    """A pool that was not listed for a while has a gap, although samples were taken."""
    history = recorded([(0.0, 0.25), (15.0, None), (30.0, 0.5)])
    assert history.line(KEY) == [0.25, None, 0.5]


def test_absence_within_a_point_is_a_gap_after_it() -> None:
    """A value not in the last sample of a point does not hold beyond the point."""
    history = recorded([(0.0, 0.25), (5.0, None), (60.0, 0.5)], holds=180.0)
    assert history.line(KEY) == [0.25, None, None, None, 0.5]


def test_the_line_ends_with_the_newest_sample() -> None:
    """A series missing from the newest sample ends in a gap."""
    assert recorded([(0.0, 0.25), (15.0, None)]).line(KEY) == [0.25, None]


def test_an_hour_is_enough() -> None:
    """After an hour the oldest point goes."""
    history = recorded([(15.0 * number, float(number)) for number in range(POINTS + 1)])
    line = history.line(KEY)
    assert (len(line), line[0], line[-1]) == (POINTS, 1.0, float(POINTS))


def test_a_series_comes_back_after_more_than_an_hour() -> None:
    """Nothing older than an hour shows through if a series was away for longer."""
    start: Seen = [(15.0 * number, 1.0) for number in range(POINTS)]
    history = recorded([*start, (15.0 * (2 * POINTS + 7), 0.5)])
    assert history.line(KEY) == [0.5]


def key(number: int) -> SeriesKey:
    return SeriesKey("host", "inbound", str(number))


def test_the_number_of_series_is_bounded() -> None:
    """Beyond the bound, those not seen for longest go."""
    history = History(max_series=2)
    history.record(0.0, HOLDS, [(key(1), 1.0), (key(2), 1.0)])
    history.record(15.0, HOLDS, [(key(2), 1.0)])
    history.record(30.0, HOLDS, [(key(2), 1.0), (key(3), 1.0)])
    assert [history.line(key(number)) for number in (1, 2, 3)] == [[], [1.0, 1.0, 1.0], [1.0]]


def test_what_was_just_seen_stays() -> None:
    """If there are too many at once, the first keep their place."""
    history = History(max_series=2)
    for now in (0.0, 15.0, 30.0):
        history.record(now, HOLDS, [(key(number), 1.0) for number in range(5)])
    assert [len(history.line(key(number))) for number in range(5)] == [3, 3, 0, 0, 0]


def expected(seen: Seen, holds: float) -> Line:
    """Return what each point must show, by looking at all samples for each."""
    end = int(seen[-1][0] // POINT_SECONDS)
    line = [_highest(seen, holds, point) for point in range(end - POINTS + 1, end + 1)]
    known = [place for place, value in enumerate(line) if value is not None]
    return line[known[0] :] if known else []


def _highest(seen: Seen, holds: float, point: int) -> float | None:
    inside = [v for now, v in seen if int(now // POINT_SECONDS) == point and v is not None]
    if inside:
        return max(inside)
    for (before, first), (after, second) in pairwise(seen):
        spans = int(before // POINT_SECONDS) < point < int(after // POINT_SECONDS)
        if spans and first is not None and second is not None and after - before <= holds:
            in_its_point = [
                v
                for now, v in seen
                if int(now // POINT_SECONDS) == int(before // POINT_SECONDS) and v is not None
            ]
            return max(in_its_point)
    return None


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from([1.0, 5.0, 14.0, 15.0, 40.0, 300.0, 4000.0]),
            st.none() | st.integers(0, 1000).map(float),
        ),
        min_size=1,
        max_size=120,
    ),
    holds=st.sampled_from([15.0, 60.0, 300.0]),
)
def test_any_samples(steps: list[tuple[float, float | None]], holds: float) -> None:
    """Whatever the intervals, each point shows what the samples around it imply."""
    now, seen = 0.0, []
    for step, value in steps:
        now += step
        seen.append((now, value))
    line = recorded(seen, holds).line(KEY)
    assert line == expected(seen, holds)
    assert len(line) <= POINTS


@pytest.mark.parametrize("count", [0, 7, 16_777_216])
def test_counts_are_exact(count: int) -> None:
    """Numbers of sockets come back exact, up to 2^24."""
    assert recorded([(0.0, float(count))]).line(KEY) == [count]
    assert not math.isnan(count)
