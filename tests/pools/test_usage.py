import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.pools.usage import Usage
from tests.support.fakes.tallies import histogram


@pytest.mark.parametrize(
    ("usage", "ratio"),
    [(Usage(0, 10, 0, 0), 0.0), (Usage(5, 10, 5, 0), 0.5), (Usage(11, 10, 0, None), 1.1)],
)
def test_ratio(usage: Usage, ratio: float) -> None:
    """The ratio is used ports divided by the limit."""
    assert usage.ratio == ratio


def test_pool_without_a_port() -> None:
    """A pool without any port is full: no connection can be made."""
    assert Usage(0, 0, 0, 0).ratio == 1.0


@pytest.mark.parametrize(
    ("usage", "live"),
    [
        (Usage(used=7, limit=10, time_wait=5, reclaimable=None), 2),
        (Usage(used=7, limit=10, time_wait=5, reclaimable=0), 2),
        # Two live sockets, one in TIME_WAIT that still blocks its port, four that do not.
        (Usage(used=3, limit=10, time_wait=5, reclaimable=4), 2),
        (Usage(used=0, limit=10, time_wait=5, reclaimable=5), 0),
    ],
)
def test_live(usage: Usage, live: int) -> None:
    """Live ports are the used ones that TIME_WAIT does not hold; reclaimable ones are not used."""
    assert usage.live == live


@pytest.mark.parametrize(
    ("used", "blocked", "mostly"),
    [(1000, 995, True), (10, 6, True), (10, 5, False), (10, 0, False), (0, 0, False)],
)
def test_mostly_blocked(used: int, blocked: int, mostly: bool) -> None:  # noqa: FBT001 - a case
    """Bound sockets and listeners are the cause if they hold more than half of the used ports."""
    assert Usage(used, 1000, 0, None, blocked=blocked).mostly_blocked is mostly


def test_default_hold() -> None:
    """A port is blocked for at most 62.048 s: a minute plus the batch in which timers expire."""
    assert Usage(1, 10, 1, None).hold == 62.048


def test_sum() -> None:
    """Two pools become one: ports, limits, closes and ages add up; the longer hold applies."""
    one = Usage(5, 10, 4, 1, 3, histogram({0: 3, 50: 1}), hold=1.0, blocked=1)
    other = Usage(7, 20, 6, 2, 4, histogram({0: 4, 60: 2}), blocked=2)
    both = Usage(12, 30, 10, 3, 7, histogram({0: 7, 50: 1, 60: 2}), hold=62.048, blocked=3)
    assert one.plus(other) == both
    assert other.plus(one) == both


def test_sum_of_what_is_not_known() -> None:
    """What a direction does not have, its groups do not have either."""
    both = Usage(5, 10, 4, None).plus(Usage(7, 20, 6, None))
    assert (both.reclaimable, both.ages) == (None, None)


USAGES = st.builds(
    lambda live, ages, limit: Usage(
        live + sum(ages.values()), limit, sum(ages.values()), 0, 0, histogram(ages)
    ),
    st.integers(0, 1000),
    st.dictionaries(st.integers(0, 60), st.integers(1, 1000), max_size=5),
    st.integers(0, 5000),
)


@given(USAGES, USAGES)
def test_live_of_a_sum(one: Usage, other: Usage) -> None:
    """The live ports of two pools are the sum of both."""
    assert one.plus(other).live == one.live + other.live


def test_hidden_time_wait() -> None:
    """If TIME_WAIT is not shown, every used port is live, and so in the sum."""
    usage = Usage(used=7, limit=10, time_wait=None, reclaimable=None)
    assert usage.live == 7
    assert usage.plus(usage).time_wait is None
    assert usage.plus(usage).live == 14
