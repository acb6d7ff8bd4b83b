"""The statistics of the benchmark suite."""

import pytest

from benchmarks.rounds import Measured
from benchmarks.summary import quantile, summarise
from benchmarks.timing import Timing, parse_timing


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)]
)
def test_quantile(share: float, expected: int) -> None:
    """A quantile is the smallest value that the given share of all values does not exceed."""
    assert quantile(range(100, 0, -1), share) == expected


def test_quantile_of_nothing() -> None:
    """Without values there is no quantile."""
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_ratio_is_to_the_mean_of_the_floors_around_it() -> None:
    """6 s between floors of 1 s and 3 s are three times the floor."""
    measured = Measured(Timing(6, 5), 100, Timing(1, 1), Timing(3, 3))
    assert measured.ratio == 3


def test_summary_is_the_median_and_the_spread() -> None:
    """For ratios 2, 3 and 10 the row shows 3, from 2 to 10; seconds become milliseconds."""
    floor = Timing(1, 1)
    measured = [Measured(Timing(wall, wall / 2), 100, floor, floor) for wall in (2, 10, 3)]
    row = summarise("someone", measured)
    assert (row.contender, row.rounds, row.sockets) == ("someone", 3, 100)
    assert (row.ratio, row.ratio_low, row.ratio_high) == (3, 2, 10)
    assert (row.wall_ms, row.cpu_ms) == (3000, 1500)


def test_timing_line() -> None:
    """A child's line becomes a timing."""
    assert parse_timing('{"wall": 0.25, "cpu": 0.125}\n') == Timing(0.25, 0.125)
