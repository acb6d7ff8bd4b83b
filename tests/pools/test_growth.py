from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.memory import PoolHistory
from tcp_pressure_exporter.pools.usage import Usage
from tests.support.fakes.tallies import histogram
from tests.support.messages.socket_entries import sixteen_bytes

POOL = PoolKey(sixteen_bytes("10.0.0.2"), sixteen_bytes("10.0.0.9"), b"\x01\xbb")


def sampled(live: dict[float, int]) -> PoolHistory:
    """Return the history after samples of one pool, by time."""
    history = PoolHistory()
    for now, ports in live.items():
        history = history.after(now, {POOL: Usage(ports, 10_000, 0, None)})
    return history


def test_first_sample() -> None:
    """Before the first sample nothing grows."""
    assert PoolHistory().growth(POOL, 500, 100.0) == 0.0


@pytest.mark.parametrize("interval", [1, 5, 10, 60])
def test_even_growth(interval: int) -> None:
    """Growth of 20 ports a second is seen as such, at any interval; so is shrinking by 20."""
    times = range(0, 20 * interval, interval)
    now = 20.0 * interval
    rising = sampled({float(time): 20 * time for time in times})
    falling = sampled({float(time): 30_000 - 20 * time for time in times})
    assert rising.growth(POOL, 20 * int(now), now) == 20
    assert falling.growth(POOL, 30_000 - 20 * int(now), now) == -20


def test_window() -> None:
    """Ten seconds ago counts, not earlier; if samples are late, the last one does."""
    history = sampled({75.0: 9000, 80.0: 200, 85.0: 250, 89.9: 300, 95.0: 400, 97.0: 500})
    assert history.growth(POOL, 700, 100.0) == pytest.approx(400 / 10.1)
    assert history.growth(POOL, 700, 200.0) == pytest.approx(200 / 103)


def test_growth_that_has_ended() -> None:
    """600 ports opened at once fill nothing once a later look shows no more of them."""
    history = sampled({85.0: 100, 90.0: 100, 94.0: 700})
    assert history.growth(POOL, 700, 99.0) == 0
    assert history.growth(POOL, 690, 99.0) == -2
    # 10 more of the 339 due in five seconds; then 600 of 667, which is not clearly less.
    assert history.growth(POOL, 710, 99.0) == 2
    assert history.growth(POOL, 1300, 99.0) == pytest.approx(1200 / 9)
    # Over less than five seconds, only no growth at all means that it has ended.
    assert history.growth(POOL, 701, 96.0) == pytest.approx(601 / 11)
    assert history.growth(POOL, 700, 96.0) == 0
    # 8 in 9 s: four seconds without any are likely.
    history = sampled({85.0: 700, 90.0: 700, 94.0: 708})
    assert history.growth(POOL, 708, 99.0) == pytest.approx(8 / 9)


def waiting(used: int, ages: Mapping[int, int], hold: float = 62.048) -> Usage:
    return Usage(used, 10_000, sum(ages.values()), None, ages=histogram(ages), hold=hold)


def share(before: Usage, after: Usage, seconds: float) -> float:
    """Return the share of the closes that took a port, after two samples."""
    history = PoolHistory().after(90.0, {POOL: before})
    return history.share_taking_ports(POOL, after, 90.0 + seconds)


def test_share_that_takes_ports() -> None:
    """Ports taken by closes are more of them in TIME_WAIT, and those that came back meanwhile.

    At first there were 367 in TIME_WAIT. Those that closed 50 s earlier may be 51 s old, and over
    in 9 s; those from 49 s earlier in 10 s. So 60 may have come back.
    """
    before = waiting(500, {5: 300, 49: 7, 50: 40, 60: 20})
    assert share(before, waiting(500, {0: 100, 9: 50, 15: 307}), 10) == 1
    assert share(before, waiting(500, {0: 200, 9: 50, 15: 127}), 10) == (10 + 60) / 250
    assert share(before, waiting(500, {0: 200, 9: 40, 15: 7}), 10) == 0


def test_taken_over() -> None:
    """If as many wait as before and none has ended, no close took a port."""
    assert share(waiting(500, {5: 500}), waiting(500, {0: 500}), 5) == 0


def test_rate_that_has_just_begun() -> None:
    """The closes of the whole window are compared: a share bounds no rate that has just begun."""
    assert share(waiting(100, {}), waiting(400, {0: 150, 1: 150}), 50) == 1


def test_share_is_not_known() -> None:
    """Nothing bounds a new pool, one without ages, or one whose ports come and go in between."""
    usage = waiting(500, {0: 100})
    assert PoolHistory().share_taking_ports(POOL, usage, 100.0) == 1
    assert share(usage._replace(ages=None), usage, 10) == 1
    assert share(usage, usage._replace(ages=None), 10) == 1
    assert share(waiting(500, {5: 500}), waiting(500, {0: 500}), 60.5) == 1
    assert share(waiting(500, {0: 500}, hold=1.0), waiting(500, {0: 500}, hold=1.0), 5) == 1


CLOSED_BEFORE = st.lists(st.tuples(st.floats(0, 62.048), st.floats(0, 2.048)), max_size=40)


@given(CLOSED_BEFORE, st.lists(st.floats(0, 1), max_size=40), st.floats(1, 60))
def test_every_close_takes_a_port(
    before: list[tuple[float, float]], later: list[float], seconds: float
) -> None:
    """If every connection takes a new port, all closes count.

    before: how long ago a connection closed, and how long after the 60 s its batch ends. later: how
    far back in the window, as a fraction, the others closed.
    """
    waits = [(ago, 60 + batch) for ago, batch in before if ago < 60 + batch]
    still = [ago + seconds for ago, ends in waits if ago + seconds < ends]
    now = [*still, *(part * seconds for part in later)]
    then, after = (
        waiting(2000 + len(ages), Counter(min(int(age), 60) for age in ages))
        for ages in ([ago for ago, _ends in waits], now)
    )
    assert share(then, after, seconds) == 1


def test_new_pool() -> None:
    """A pool that was not there has not grown: it may have been too small for a row."""
    history = PoolHistory().after(90.0, {})
    assert history.growth(POOL, 5000, 100.0) == 0
    history = history.after(95.0, {POOL: Usage(5000, 10_000, 0, None)})
    assert history.growth(POOL, 5100, 100.0) == 20


def test_little_used() -> None:
    """Pools that are hardly used are not remembered: there may be very many."""
    history = sampled({90.0: 99, 95.0: 100})
    assert [list(pools) for _then, pools in history.moments] == [[], [POOL]]


def test_two_samples_at_once() -> None:
    """Samples less than a second apart say nothing about growth."""
    history = sampled({100.0: 10})
    assert history.growth(POOL, 12, 100.0) == 0.0
    assert history.growth(POOL, 12, 100.1) == 0.0


def test_bounded() -> None:
    """However often samples are taken, little more than a dozen are remembered."""
    assert len(sampled({tenth / 10: 1 for tenth in range(1000)}).moments) <= 13
