import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tcp_pressure_exporter.pools.forecast import Flow, exhaustion, exhaustion_seconds, outlook
from tcp_pressure_exporter.pools.usage import Usage
from tests.support.fakes.tallies import histogram


def test_unknown_ages() -> None:
    """If it is not known when ports were closed, there is no forecast."""
    full = Usage(1000, 1000, 400, None)
    assert outlook(full, math.inf) is None
    assert exhaustion(full, growth=50.0) == math.inf


def test_outlook() -> None:
    """Rates are those of the last ten seconds, the peak that of the minute.

    150 closes in ten seconds are 15 a second: 100 live and 62.048 × 15 = 930.72 ports of 2000.
    """
    usage = Usage(590, 2000, 490, 0, ages=histogram({0: 150, 10: 340}))
    found = outlook(usage, 12.5)
    assert found is not None
    assert found.exhaustion_seconds == 12.5
    assert found.steady_state_ratio == pytest.approx((100 + 930.72) / 2000)
    assert found.sustainable_closes == pytest.approx(1900 / 62.048)
    assert found.peak_closes == 340


def test_outlook_where_ports_are_taken_over() -> None:
    """A port can be reused after a second: closes of a second, not of a minute, count."""
    usage = Usage(115, 2000, 490, 475, ages=histogram({0: 15, 5: 135, 10: 340}), hold=1.0)
    found = outlook(usage, math.inf)
    assert found is not None
    assert found.steady_state_ratio == pytest.approx((100 + 15) / 2000)
    assert found.sustainable_closes == pytest.approx(1900)


EVEN = dict.fromkeys(range(10), 60)


@pytest.mark.parametrize(
    ("growth", "share", "seconds"),
    [
        (0.0, 1.0, 40.0),
        # 2,400 free ports last 50 s at 48 a second. At 24 a second they would last 100 s, and come
        # back by then.
        (0.0, 0.8, 50.0),
        (0.0, 0.4, math.inf),
        (0.0, 0.0, math.inf),
        # Connections that stay open take ports in any case.
        (36.0, 0.2, 50.0),
        (60.0, 0.0, 40.0),
    ],
)
def test_closes_that_take_no_port(growth: float, share: float, seconds: float) -> None:
    """Of 60 closes a second, only those that took an additional port count."""
    usage = Usage(600, 3000, 600, 0, ages=histogram(EVEN))
    assert exhaustion(usage, growth, share) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("usage", "growth", "seconds"),
    [
        # 600 closes in ten seconds: 60 a second into the 2,400 ports that are left.
        (Usage(600, 3000, 600, 0, ages=histogram(EVEN)), 0.0, 40.0),
        (Usage(600, 3000, 600, 0, ages=histogram(EVEN)), 60.0, 20.0),
        (Usage(600, 3000, 600, 0, ages=histogram(EVEN)), -10.0, 48.0),
        # The same in an instant: it goes on until a second without a close shows that it does not.
        (Usage(600, 3000, 600, 0, ages=histogram({0: 600})), 0.0, 40.0),
        (Usage(600, 3000, 600, 0, ages=histogram({1: 600})), 0.0, math.inf),
        (Usage(600, 3000, 600, 0, ages=histogram({1: 600})), 60.0, 40.0),
        # Closed longer ago than ten seconds: now nothing is closed, and nothing grows.
        (Usage(600, 3000, 600, 0, ages=histogram({13: 600})), 0.0, math.inf),
        (Usage(100, 3000, 0, 0, ages=histogram({})), 10.0, 290.0),
        (Usage(3000, 3000, 600, 0, ages=histogram({13: 600})), 0.0, 0.0),
        # 60 a second, which does not matter if a port is taken over after a second.
        (Usage(60, 3000, 600, 540, ages=histogram({0: 60, 3: 540}), hold=1.0), 0.0, math.inf),
        (Usage(0, 0, 0, 0, ages=histogram({})), 0.0, 0.0),
    ],
)
def test_exhaustion(usage: Usage, growth: float, seconds: float) -> None:
    """The forecast of a pool, from its use, its closes and its growth."""
    assert exhaustion(usage, growth) == pytest.approx(seconds)


def lasting(ages: dict[int, int]) -> float:
    """Return the ongoing closes per second, as in docs/forecast.md."""
    ten, five = (sum(ages.get(age, 0) for age in range(window)) for window in (10, 5))
    if not ages.get(0) and ten / 10 > 9:
        return 0.0
    return five / 5 if ten / 2 - five > 3 * math.sqrt(ten / 2) else ten / 10


AGES = st.dictionaries(st.integers(0, 60), st.integers(0, 800), max_size=6)
LIVE, FREE = st.integers(0, 3000), st.integers(0, 9000) | st.integers(0, 100)
GROWTHS = st.integers(-200, 200).map(lambda tenths: tenths / 10)


@given(LIVE, FREE, AGES, GROWTHS)
def test_nothing_is_hidden(live: int, free: int, ages: dict[int, int], growth: float) -> None:
    """No pool that would be full within ten minutes is skipped as one that cannot be."""
    waiting = sum(ages.values())
    used = live + waiting
    usage = Usage(used, used + free, waiting, 0, ages=histogram(ages))
    closes = lasting(ages)
    by_age = [ages.get(age, 0) for age in range(61)]
    flow = Flow(used + free, live, by_age, closes, growth, hold=62.048)
    assert exhaustion(usage, growth) == exhaustion_seconds(flow)


@given(LIVE, FREE, AGES, GROWTHS, st.sampled_from([1.0, 5.0]))
def test_nothing_is_hidden_where_ports_are_taken_over(
    live: int, free: int, ages: dict[int, int], growth: float, hold: float
) -> None:
    """The same, if those that closed longer ago than `hold` do not block their port."""
    blocked = sum(ports for age, ports in ages.items() if age < hold)
    waiting = sum(ages.values())
    used = live + blocked
    usage = Usage(used, used + free, waiting, waiting - blocked, ages=histogram(ages), hold=hold)
    closes = lasting(ages)
    waits = [ages.get(age, 0) for age in range(int(hold))]
    flow = Flow(used + free, live, waits, closes, growth, hold)
    assert exhaustion(usage, growth) == exhaustion_seconds(flow)


@given(LIVE, FREE, AGES, GROWTHS)
def test_full_or_not(live: int, free: int, ages: dict[int, int], growth: float) -> None:
    """The forecast is 0 if no port is free, and only then; never negative, never NaN."""
    waiting = sum(ages.values())
    assume(live + waiting + free > 0)
    usage = Usage(live + waiting, live + waiting + free, waiting, 0, ages=histogram(ages))
    found = exhaustion(usage, growth)
    assert found >= 0
    assert (found == 0) == (usage.used >= (usage.limit or 0))
