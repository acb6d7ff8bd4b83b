from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.pools.usage import (
    closes_each_second,
    closes_per_second,
    lasting_closes,
    peak_closes,
    summed,
)
from tests.support.fakes.tallies import histogram

SECONDS = st.dictionaries(st.integers(0, 60), st.integers(0, 2_000_000))


def test_each_second() -> None:
    """A histogram tells the closes of each of the last 61 seconds, the latest first."""
    assert list(closes_each_second(histogram({0: 3, 1: 1, 60: 7}))) == [3, 1, *[0] * 58, 7]


def test_rate() -> None:
    """The rate is that of the last ten seconds: older closes do not count."""
    assert closes_per_second(histogram({0: 10, 9: 25, 10: 1000})) == 3.5
    assert closes_per_second(histogram({})) == 0.0


def test_rate_of_a_short_time_wait() -> None:
    """If TIME_WAIT is shorter than ten seconds, the rate is that of its whole seconds."""
    assert closes_per_second(array("I", [3, 5, 100]).tobytes()) == 4.0


@pytest.mark.parametrize(
    ("each_second", "rate"),
    [
        ([60] * 10, 60),
        # A burst of 600: it may be going on, then there was none for a whole second.
        ([600, *[0] * 9], 60),
        ([0, 600, *[0] * 8], 0),
        # 90 in ten seconds are nine a second: by chance a second has none once in 8,000. With
        # fewer, a second says too little. But then there were none for five.
        ([0, 45, 45, *[0] * 7], 9),
        ([0, 50, 50, *[0] * 7], 0),
        ([0, 0, 0, 0, 0, 45, 45, 0, 0, 0], 0),
        # 600 beside 2 a second: over once five seconds lie in between; the 2 a second stay.
        ([2, 2, 2, 2, 602, 2, 2, 2, 2, 2], 62),
        ([2, 2, 2, 2, 2, 602, 2, 2, 2, 2], 2),
        # 100 in ten seconds: 50 are due in five, and down to 50 − 3 × √50 = 28.8 is chance.
        ([6, 6, 6, 6, 5, 14, 14, 14, 14, 15], 10),
        ([6, 6, 6, 5, 5, 14, 14, 14, 15, 15], 5.6),
        # A rise counts at the pace of the ten seconds.
        ([60, 60, *[0] * 8], 12),
        ([0] * 10, 0),
        ([3, 5], 4),
        ([0, 40], 0),
    ],
)
def test_lasting_rate(each_second: list[int], rate: float) -> None:
    """Closes that have ended no longer count: none for a second, or clearly fewer in five."""
    assert lasting_closes([*each_second, 0]) == pytest.approx(rate)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=61))
def test_lasting_rate_is_part_of_the_rate(each_second: list[int]) -> None:
    """Closes that have ended can only lower the rate, whatever the seconds were like."""
    window = each_second[:10]
    assert 0 <= lasting_closes([*each_second, 0]) <= sum(window) / len(window)


def test_peak() -> None:
    """The peak is the fullest of sixty seconds; the last, which is cut short, is not looked at."""
    assert peak_closes(histogram({3: 12, 59: 70, 60: 900})) == 70
    assert peak_closes(histogram({})) == 0


@given(st.lists(SECONDS, min_size=1, max_size=5))
def test_sum(histograms: list[dict[int, int]]) -> None:
    """Histograms add up second by second, no count running over into the next."""
    total = closes_each_second(summed(histogram(one) for one in histograms))
    assert list(total) == [sum(one.get(age, 0) for one in histograms) for age in range(61)]


def test_sum_of_other_lengths() -> None:
    """Histograms may be longer or shorter than Linux's, or empty if no age is known."""
    longer = array("I", [1] * 120).tobytes()
    assert list(closes_each_second(summed([longer, longer]))) == [2] * 120
    assert summed([b"", b""]) == b""
