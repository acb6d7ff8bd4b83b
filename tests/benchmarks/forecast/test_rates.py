"""Estimates of how fast ports are taken."""

import pytest

from benchmarks.forecast.rates import Rates, agreeing, fastest, lasting, mean, trend
from benchmarks.forecast.trace import Poll


def test_mean() -> None:
    """Closes are counted by age, growth is the change of live ports since 10 s ago."""
    now = Poll(30, 160, 60, (4, 4, 4, 4, 4, 6, 6, 6, 6, 6, 10))
    polls = [Poll(15, 10, 10, ()), Poll(20, 50, 10, ()), now]
    assert mean(10)(polls) == Rates(5, 6)
    assert mean(5, 15)(polls).closes == 4
    assert mean(5, 15)(polls).growth == pytest.approx(100 / 15)


def test_first_poll_knows_no_growth() -> None:
    """Before there are two polls, growth is zero."""
    assert mean(10)([Poll(0, 50, 0, ())]) == Rates(0, 0)


def test_lasting() -> None:
    """Ongoing closes and opens count as in the means; those that have ended do not."""
    closed, opened = Poll(20, 650, 600, (600,)), Poll(20, 650, 0, ())
    before = Poll(10, 50, 0, ())
    assert lasting([before, closed]) == Rates(60, 0)
    assert lasting([before, closed, Poll(21, 650, 600, (0, 600))]) == Rates(0, 0)
    assert lasting([before, opened]) == Rates(0, 60)
    assert lasting([before, opened, Poll(21, 648, 0, ())]) == Rates(0, -2)


def test_lasting_where_entries_are_taken_over() -> None:
    """Closes that take no new port do not count: 100 in ten seconds, with 20 newly taken."""
    before = Poll(10, 100, 100, (10,) * 10)
    assert lasting([before, Poll(20, 120, 120, (10,) * 12)]) == Rates(2, 0)
    assert lasting([before, Poll(20, 100, 100, (10,) * 10)]) == Rates(0, 0)


def test_fastest() -> None:
    """Of two windows, the one that took more ports counts."""
    calming = [Poll(0, 30, 30, (1, 1, 1, 1, 1, 5, 5, 5, 5, 5))]
    assert fastest(5, 10)(calming) == Rates(3, 0)


def test_agreeing() -> None:
    """A longer window counts while its rate differs from the shorter one's only by chance."""
    steady = [Poll(60, 300, 300, (10, 11, 9, 10, 10, *[9] * 5, *[10] * 10))]
    assert agreeing(5, 10, 20)(steady).closes == pytest.approx(9.75)
    stepped = [Poll(60, 300, 300, (40, 40, 40, 40, 40, *[5] * 15))]
    assert agreeing(5, 10, 20)(stepped).closes == 40


def test_trend() -> None:
    """Closes that rise by one every second are ten more in ten seconds; a flat line stays."""
    rising = [Poll(60, 500, 500, tuple(range(40, 20, -1)))]
    assert trend(20, 10)(rising).closes == pytest.approx(50.5)
    flat = [Poll(60, 200, 200, (10, 11, 9, 10) * 5)]
    assert trend(20, 10)(flat).closes == mean(10)(flat).closes
