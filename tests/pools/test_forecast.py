"""The forecast against hand-made examples, a closed formula, and simulated connections."""

import heapq
import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.pools.forecast import (
    Flow,
    exhaustion_seconds,
    steady_state_ratio,
    sustainable_closes,
)

HORIZON = 600.0
NEVER = math.inf


def ages(**closes: int) -> list[int]:
    """Return closes by age; `a10=5` stands for five ports that closed 10 to 11 s ago."""
    return [closes.get(f"a{age}", 0) for age in range(61)]


EMPTY = ages()
STEADY_60 = [60] * 61  # 60 closes per second for the last minute


@pytest.mark.parametrize(
    ("flow", "seconds"),
    [
        # 3,000 ports at 60 a second last 50 s.
        (Flow(3000, 0, EMPTY, closes=60), 50.0),
        # 1,000 live ones leave 2,000; and 40 closes plus 20 new live ones are 60 as well.
        (Flow(3000, 1000, EMPTY, closes=60), 2000 / 60),
        (Flow(3000, 0, EMPTY, closes=40, growth=20), 50.0),
        # 3,000 ÷ 62.048 s: at 48.4 closes per second the first come back just as the last is taken.
        (Flow(3000, 0, EMPTY, closes=48.3), NEVER),
        (Flow(3000, 0, EMPTY, closes=48.4), 3000 / 48.4),
        # Only growth: 3,000 ports at 10 a second.
        (Flow(3000, 0, EMPTY, closes=0, growth=10), 300.0),
        (Flow(3000, 0, EMPTY, closes=0, growth=5), 600.0),
        (Flow(3000, 0, EMPTY, closes=0, growth=4.99), NEVER),
        # From 62.048 s on, closes and releases balance: 62.048 × 30 = 1861.4; then only growth
        # counts.
        (Flow(3000, 0, EMPTY, closes=30, growth=10), (3000 - 62.048 * 30) / 10),
        # Nothing comes and nothing goes.
        (Flow(3000, 2999, EMPTY, closes=0), NEVER),
        (Flow(3000, 2000, EMPTY, closes=0, growth=-5), NEVER),
        (Flow(3000, 3000, EMPTY, closes=0), 0.0),
        (Flow(3000, 0, ages(a5=3000), closes=0), 0.0),
        (Flow(0, 0, EMPTY, closes=0), 0.0),
    ],
)
def test_worked_examples(flow: Flow, seconds: float) -> None:
    """The seconds until a pool is full, as worked out by hand."""
    assert exhaustion_seconds(flow) == pytest.approx(seconds)


def test_known_releases() -> None:
    """Ports that come back in time postpone the end; later ones do not.

    Of 1,000 ports, 900 wait and 10 a second are taken: that lasts 10 s, unless some come back
    before. Those that closed 55 to 56 s ago come back 62.048 − 56 = 6.05 s to 7.05 s from now.
    """
    inflow = 10.0
    assert exhaustion_seconds(Flow(1000, 0, ages(a30=900), inflow)) == pytest.approx(10)
    assert exhaustion_seconds(Flow(1000, 0, ages(a30=850, a55=50), inflow)) == pytest.approx(15)
    # Half of the 50 are back after 6.55 s; in that second 50 − 10 = 40 more are free every second.
    assert exhaustion_seconds(Flow(1000, 70, ages(a30=870, a55=50), inflow)) == pytest.approx(1)
    # a51: from 10.05 s on, too late for the 100 free ports.
    assert exhaustion_seconds(Flow(1000, 0, ages(a30=850, a51=50), inflow)) == pytest.approx(10)
    assert exhaustion_seconds(Flow(1000, 0, ages(a30=850, a52=50), inflow)) == pytest.approx(15)


def test_steady_traffic() -> None:
    """At an even rate that leaves room a pool is never full; at the ceiling it is."""
    assert exhaustion_seconds(Flow(3800, 0, STEADY_60, closes=60)) == NEVER
    # 3,660 are waiting; 40 ports more are gone before the oldest come back after 1.05 s.
    assert exhaustion_seconds(Flow(3700, 0, STEADY_60, closes=60)) == pytest.approx(40 / 60)


def test_short_hold() -> None:
    """If a port is taken over after a second, a pool bears as many closes a second as ports."""
    assert exhaustion_seconds(Flow(1000, 100, (0,), closes=899, hold=1.0)) == NEVER
    assert exhaustion_seconds(Flow(1000, 100, (0,), closes=1000, hold=1.0)) == pytest.approx(0.9)
    # 500 wait and come back within the second, in which 400 are free and 800 a second are taken.
    assert exhaustion_seconds(Flow(1000, 100, (500,), closes=800, hold=1.0)) == NEVER
    assert exhaustion_seconds(Flow(1000, 100, (0,), 0, growth=9, hold=1.0)) == pytest.approx(100)


def test_steady_state() -> None:
    """Live ports plus 62.048 s of closes are what the current rate leads to."""
    assert steady_state_ratio(Flow(1000, 100, EMPTY, closes=10)) == pytest.approx(0.72048)
    assert steady_state_ratio(Flow(1000, 100, (0,), closes=10, hold=1.0)) == pytest.approx(0.11)
    assert steady_state_ratio(Flow(0, 0, EMPTY, closes=0)) == 1.0


def test_sustainable_closes() -> None:
    """Ports that are not live, each blocked for 62.048 s, bear that many closes per second."""
    assert sustainable_closes(Flow(28232, 12, EMPTY, closes=0)) == pytest.approx(28220 / 62.048)
    assert sustainable_closes(Flow(28232, 12, (0,), closes=0, hold=1.0)) == 28220
    assert sustainable_closes(Flow(100, 101, EMPTY, closes=0)) == 0.0


COUNTS = st.integers(0, 500)
BURSTS = st.dictionaries(st.integers(0, 60), COUNTS, max_size=8).map(
    lambda closes: [closes.get(age, 0) for age in range(61)]
)
AGES = BURSTS | st.integers(0, 60).map(lambda rate: [rate] * 61)
RATES = st.integers(0, 2000).map(lambda tenths: tenths / 10)
GROWTHS = st.integers(-500, 500).map(lambda tenths: tenths / 10)
LIMITS, LIVE = st.integers(0, 8000), st.integers(0, 4000)
HOLDS = st.sampled_from([1.0, 2.0, 30.0])
FLOWS = st.builds(Flow, LIMITS, LIVE, AGES, RATES, GROWTHS, st.just(62.048)) | st.builds(
    Flow, LIMITS, LIVE, st.tuples(COUNTS), RATES, GROWTHS, HOLDS
)


def used_at(flow: Flow, seconds: float) -> float:
    """Return the ports in use after some time, if none is refused for lack of a port.

    A port that closed between a and a + 1 s ago comes back between hold − a − 1 and hold − a.
    """
    waiting = sum(
        ports * min(max(flow.hold - age - seconds, 0.0), 1.0) for age, ports in enumerate(flow.ages)
    )
    closed_since = flow.closes * min(seconds, flow.hold)
    return flow.live + flow.growth * seconds + waiting + closed_since


def corners(flow: Flow) -> list[float]:
    """Return the moments between which the use changes evenly, the horizon last."""
    ends = {flow.hold - age for age in range(len(flow.ages) + 1)}
    return sorted({0.0, flow.hold, HORIZON, *ends})


@given(FLOWS)
def test_agrees_with_the_use_over_time(flow: Flow) -> None:
    """The forecast is the first moment at which as many ports are used as there are."""
    forecast = exhaustion_seconds(flow)
    assert forecast >= 0  # so no NaN either
    for corner in corners(flow):
        if corner < forecast - 1e-6:
            assert used_at(flow, corner) < flow.limit + 1e-6
    if forecast == NEVER:
        return
    assert forecast <= HORIZON
    assert used_at(flow, forecast) == pytest.approx(max(flow.limit, used_at(flow, 0)), abs=1e-6)


@given(FLOWS)
def test_zero_where_full(flow: Flow) -> None:
    """The forecast is 0 if the pool is full, and only then."""
    full = flow.live + sum(flow.ages) >= flow.limit
    assert (exhaustion_seconds(flow) == 0) == full


@given(FLOWS, st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_never_longer(flow: Flow, closes: int, growth: int, live: int) -> None:
    """More closes, more growth, fewer free ports: none of them postpones the end."""
    forecast = exhaustion_seconds(flow) + 1e-6
    more = [
        flow._replace(closes=flow.closes + closes / 10),
        flow._replace(growth=flow.growth + growth / 10),
        flow._replace(live=flow.live + live),
        flow._replace(limit=max(flow.limit - live, 0)),
        flow._replace(ages=[flow.ages[0] + live, *flow.ages[1:]]),
    ]
    assert all(exhaustion_seconds(worse) <= forecast for worse in more)


@given(AGES.filter(any))
def test_older_entries_come_back_sooner(by_age: list[int]) -> None:
    """The same ports, closed a second earlier, are back earlier, which never hastens the end."""
    aged = [0, *by_age[:-2], by_age[-2] + by_age[-1]]
    limit = sum(by_age) + 100
    younger = exhaustion_seconds(Flow(limit, 0, by_age, closes=50))
    assert exhaustion_seconds(Flow(limit, 0, aged, closes=50)) >= younger - 1e-6


def simulated(flow: Flow) -> float:
    """Open connections one by one, close each immediately, and return when none finds a port."""
    free = flow.limit - int(flow.live) - sum(flow.ages)
    releases = [
        flow.hold - age - 1 + (number + 0.5) / ports
        for age, ports in enumerate(flow.ages)
        for number in range(int(ports))
    ]
    heapq.heapify(releases)
    for number in range(int(HORIZON * flow.closes)):
        now = number / flow.closes
        while releases and releases[0] <= now:
            heapq.heappop(releases)
            free += 1
        if free == 0:
            return now
        free -= 1
        heapq.heappush(releases, now + flow.hold)
    return NEVER


@settings(max_examples=30)
@given(
    st.integers(0, 1000),
    AGES,
    st.integers(1, 60),
)
def test_agrees_with_simulated_connections(free: int, by_age: list[int], closes: int) -> None:
    """Connection by connection, a pool is full when the forecast says, give or take a port."""
    waiting = sum(by_age)
    flow, roomier, tighter = (
        Flow(100 + waiting + ports, 100, by_age, closes) for ports in (free + 2, free + 4, free)
    )
    seconds = 2 / closes + 1e-6
    assert exhaustion_seconds(tighter) - seconds <= simulated(flow)
    assert simulated(flow) <= exhaustion_seconds(roomier) + seconds


def test_a_poll_later_the_end_is_nearer() -> None:
    """While nothing changes, the forecast falls by a second each second, down to 0."""
    flows = [Flow(3000, 0, [60] * past + [0] * (61 - past), closes=60) for past in range(51)]
    forecasts = [exhaustion_seconds(flow) for flow in flows]
    assert all(now - later == pytest.approx(1) for now, later in pairwise(forecasts))
    assert forecasts[-1] == 0
