from array import array

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.pools.usage import (
    closes_each_second,
    closes_per_second,
    peak_closes,
    summed,
)
from tests.support.fakes.tallies import histogram

SECONDS = st.dictionaries(st.integers(0, 60), st.integers(0, 2_000_000))


def test_each_second() -> None:
    """A histogram tells the closes of each of the last 61 seconds, the latest first."""
    assert list(closes_each_second(histogram({0: 3, 1: 1, 60: 7}))) == [3, 1, *[0] * 58, 7]


def test_rate() -> None:
    """The rate is that of the last ten seconds: what is older does not count."""
    assert closes_per_second(histogram({0: 10, 9: 25, 10: 1000})) == 3.5
    assert closes_per_second(histogram({})) == 0.0


def test_rate_of_a_short_time_wait() -> None:
    """Where TIME_WAIT is shorter than ten seconds the rate is that of its seconds."""
    assert closes_per_second(array("I", [3, 5]).tobytes()) == 4.0


def test_peak() -> None:
    """The peak is the fullest of sixty seconds; the last, which is cut short, is not looked at."""
    assert peak_closes(histogram({3: 12, 59: 70, 60: 900})) == 70
    assert peak_closes(histogram({})) == 0


@given(st.lists(SECONDS, max_size=5))
def test_sum(histograms: list[dict[int, int]]) -> None:
    """Histograms add up second by second, no count running over into the next."""
    total = closes_each_second(summed(histogram(one) for one in histograms))
    assert list(total) == [sum(one.get(age, 0) for one in histograms) for age in range(61)]


def test_sum_of_other_lengths() -> None:
    """Histograms may have another length than Linux's, or none where no age is known."""
    longer = array("I", [1] * 120).tobytes()
    assert list(closes_each_second(summed([longer, longer]))) == [2] * 120
    assert summed([b"", b""]) == b""
