"""What remedies do for a pool: worked examples, and what holds for every pool."""

import math
from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.ports import PortRange, port_range
from tcp_pressure_exporter.pools.forecast import exhaustion, outlook
from tcp_pressure_exporter.pools.remedies import (
    KeepAlive,
    LocalRange,
    MoreAddresses,
    Obstacle,
    Projection,
    Remedy,
    Situation,
    TimeWaitTakeOver,
    most_within,
    projected,
)
from tcp_pressure_exporter.pools.usage import Usage

HOLD = 62.0
NOW = PortRange(40_000, 42_999, 0)  # 3,000 ports
AROUND = Situation(NOW, delay=1.0)
EXPLICIT = AROUND._replace(explicit=True)
TODAY = LocalRange(NOW.low, NOW.high)
ALL: tuple[Remedy, ...] = (
    TODAY,
    LocalRange(30_000, 42_999),
    TimeWaitTakeOver(),
    MoreAddresses(2),
    KeepAlive(0.5),
)


def pool(each_second: Sequence[int], live: int = 0, blocked: int = 0, limit: int = 3000) -> Usage:
    """Return a pool whose connections were closed like this, latest first."""
    closes = list(each_second) + [0] * (61 - len(each_second))
    waiting = sum(closes)
    ages = array("I", closes).tobytes()
    used = live + waiting + blocked
    return Usage(used, limit, waiting, 0, ages=ages, hold=HOLD, blocked=blocked)


def project(usage: Usage, *remedies: Remedy, growth: float = 0.0) -> Projection:
    """Return what remedies do for a pool whose live ports grow that fast."""
    found = projected(usage, outlook(usage, 0.0, growth), remedies, AROUND)
    assert isinstance(found, Projection)
    return found


STEADY = pool([60] * 20, live=300)  # 60 closes a second, begun 20 s ago: 1,500 ports used


@pytest.mark.parametrize(
    ("remedy", "ratio", "seconds"),
    [
        # 300 live and 62 × 60 = 3,720 in TIME_WAIT; 1,500 free ports last 25 s.
        (TODAY, 4020 / 3000, 25.0),
        # 6,000 ports: 4,020 of them.
        (LocalRange(37_000, 42_999), 4020 / 6000, math.inf),
        # 3,500 ports: 2,000 free ones last 33.3 s.
        (LocalRange(39_500, 42_999), 4020 / 3500, 2000 / 60),
        # A second of closes: 60 in TIME_WAIT plus 300.
        (TimeWaitTakeOver(), 360 / 3000, math.inf),
        # Half of each.
        (MoreAddresses(1), 2010 / 3000, math.inf),
        # 6 closes a second: 300 live and 372 in TIME_WAIT.
        (KeepAlive(0.9), 672 / 3000, math.inf),
        # 30 a second: 300 and 1,860.
        (KeepAlive(0.5), 2160 / 3000, math.inf),
    ],
)
def test_worked_examples(remedy: Remedy, ratio: float, seconds: float) -> None:
    """Where a pool is heading, and when it is full, as worked out by hand."""
    found = project(STEADY, remedy)
    assert found.ratio == pytest.approx(ratio)
    assert found.seconds == pytest.approx(seconds)


def test_another_range() -> None:
    """In a range with half of today's ports, half of the used ones count.

    Half of 300 live and 3,720 in TIME_WAIT would be 2,010 of 3,000; but new connections all go
    there: 150 live and 3,720.
    """
    found = project(STEADY, LocalRange(41_500, 44_499))
    assert found.ratio == pytest.approx((150 + 3720) / 3000)
    assert found.seconds == pytest.approx((3000 - 750) / 60)


def test_together() -> None:
    """Several remedies work together: twice the ports, half of the load."""
    found = project(STEADY, LocalRange(37_000, 42_999), MoreAddresses(1))
    assert found.ratio == pytest.approx(2010 / 6000)


def test_reserved_ports() -> None:
    """Reserved ports in another range are not counted."""
    around = AROUND._replace(settings=PortRange(40_000, 42_999, port_range(37_000, 37_999)))
    found = projected(STEADY, outlook(STEADY, 0.0), [LocalRange(37_000, 42_999)], around)
    assert isinstance(found, Projection)
    assert found.ratio == pytest.approx(4020 / 5000)


def test_blocked_ports() -> None:
    """Bound ports stay bound at every address."""
    found = project(pool([60] * 20, live=300, blocked=600), MoreAddresses(1))
    assert found.ratio == pytest.approx((600 + 2010) / 3000)


def test_peaks() -> None:
    """A burst in the last minute says more than the mean of ten seconds where ports come back.

    500 closes in one second, 30 s ago, and nothing since.
    """
    burst = pool([0] * 30 + [500])
    found = project(burst, TimeWaitTakeOver())
    assert found.ratio == 0
    assert found.peak_ratio == pytest.approx(500 / 3000)


def test_growth() -> None:
    """Live sockets that keep growing fill any pool; more addresses share them."""
    grows = pool([], live=1500)
    assert project(grows, TODAY, growth=15.0).seconds == pytest.approx(100)
    assert project(grows, MoreAddresses(2), growth=15.0).seconds == pytest.approx(300)
    assert project(grows, TimeWaitTakeOver(), growth=15.0).growing


@pytest.mark.parametrize(
    ("remedy", "around", "usage", "obstacle"),
    [
        (TimeWaitTakeOver(), AROUND._replace(bound=True), STEADY, Obstacle.BOUND),
        (MoreAddresses(1), AROUND._replace(bound=True), STEADY, Obstacle.BOUND),
        (TimeWaitTakeOver(), AROUND._replace(timestamps=False), STEADY, Obstacle.NO_TIMESTAMPS),
        (TimeWaitTakeOver(), AROUND, STEADY._replace(refused=1000), Obstacle.REFUSED),
        (TimeWaitTakeOver(), AROUND, STEADY._replace(reused=True), Obstacle.REUSED_ALREADY),
        (TODAY, EXPLICIT, STEADY, Obstacle.CHOSEN_BY_APPLICATION),
        (
            TimeWaitTakeOver(),
            AROUND._replace(explicit=True),
            STEADY,
            Obstacle.CHOSEN_BY_APPLICATION,
        ),
        (KeepAlive(0.5), AROUND, STEADY._replace(limit=None), Obstacle.TOLD_BY_NOBODY),
        (KeepAlive(0.5), AROUND, STEADY._replace(ages=None), Obstacle.TOLD_BY_NOBODY),
    ],
)
def test_obstacles(remedy: Remedy, around: Situation, usage: Usage, obstacle: Obstacle) -> None:
    """If a remedy does not help, there is the reason instead of a figure."""
    assert projected(usage, outlook(usage, 0.0), [remedy], around) is obstacle


def test_most_within() -> None:
    """The most in any such seconds of the last minute, without the current one."""
    ages = array("I", [1, 5, 5, 0, 9, 0, 100]).tobytes()
    assert most_within(ages, 1.0) == 9
    assert most_within(ages, 2.0) == 10
    assert most_within(ages, 62.0) == 20


POOLS = st.builds(
    pool,
    st.lists(st.integers(0, 200), min_size=61, max_size=61),
    live=st.integers(0, 3000),
    blocked=st.integers(0, 500),
    limit=st.just(3000),
)
GROWTH = st.floats(-20, 20, allow_nan=False)
SHARES = st.floats(0, 1)


@given(POOLS, GROWTH, SHARES)
def test_no_change(usage: Usage, growth: float, share: float) -> None:
    """A remedy that changes nothing leaves the forecast as it is, to the second and the ratio."""
    seconds = exhaustion(usage, growth, share)
    now = outlook(usage, seconds, growth, share)
    assert now is not None
    found = projected(usage, now, [TODAY], AROUND)
    assert isinstance(found, Projection)
    assert found.seconds == pytest.approx(seconds)
    assert found.ratio == pytest.approx(now.steady_state_ratio)


@given(POOLS, GROWTH, st.sampled_from(ALL))
def test_remedies_never_harm(usage: Usage, growth: float, remedy: Remedy) -> None:
    """No remedy makes a pool fuller, or full sooner, than it would be without."""
    before, after = project(usage, TODAY, growth=growth), project(usage, remedy, growth=growth)
    assert after.ratio <= before.ratio + 1e-9
    assert after.peak_ratio <= before.peak_ratio + 1e-9
    assert after.seconds >= before.seconds - 1e-6


@given(POOLS, st.integers(1, 50))
def test_more_helps_more(usage: Usage, more: int) -> None:
    """More addresses, or more connections kept open, help at least as much."""
    fewer, many = project(usage, MoreAddresses(more)), project(usage, MoreAddresses(more + 1))
    assert many.ratio <= fewer.ratio + 1e-9
    some, most = project(usage, KeepAlive(more / 60)), project(usage, KeepAlive((more + 1) / 60))
    assert most.ratio <= some.ratio + 1e-9


@given(POOLS, st.permutations(ALL))
def test_order(usage: Usage, remedies: list[Remedy]) -> None:
    """The order of remedies makes no difference."""
    chosen = [one for one in remedies if one != TODAY]
    assert project(usage, *chosen).ratio == pytest.approx(project(usage, *ALL[1:]).ratio)
