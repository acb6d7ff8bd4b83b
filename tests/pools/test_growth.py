import math
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
    """Before there was a sample nothing grows."""
    assert PoolHistory().growth(POOL, 500, 100.0) == 0.0


@pytest.mark.parametrize("interval", [1, 5, 10, 60])
def test_even_growth(interval: int) -> None:
    """Growth of 20 ports a second is told as such, at any interval; so is a shrinking of 20."""
    times = range(0, 20 * interval, interval)
    now = 20.0 * interval
    rising = sampled({float(time): 20 * time for time in times})
    falling = sampled({float(time): 30_000 - 20 * time for time in times})
    assert rising.growth(POOL, 20 * int(now), now) == 20
    assert falling.growth(POOL, 30_000 - 20 * int(now), now) == -20


def test_window() -> None:
    """What was ten seconds ago counts, not what was before; of late samples, the last."""
    history = sampled({75.0: 9000, 80.0: 200, 85.0: 250, 89.9: 300, 95.0: 400, 97.0: 500})
    assert history.growth(POOL, 700, 100.0) == pytest.approx(400 / 10.1)
    assert history.growth(POOL, 700, 200.0) == pytest.approx(200 / 103)


def test_growth_that_has_ended() -> None:
    """600 ports opened at once fill nothing once a look later there are no more of them."""
    history = sampled({85.0: 100, 90.0: 100, 94.0: 700})
    assert history.growth(POOL, 700, 99.0) == 0
    assert history.growth(POOL, 690, 99.0) == -2
    # 10 more of the 339 that were due in five seconds; then 600 of 667, which is not clearly less.
    assert history.growth(POOL, 710, 99.0) == 2
    assert history.growth(POOL, 1300, 99.0) == pytest.approx(1200 / 9)
    # Over less than five seconds only none at all says that it has ended.
    assert history.growth(POOL, 701, 96.0) == pytest.approx(601 / 11)
    assert history.growth(POOL, 700, 96.0) == 0
    # 8 in 9 s: that four seconds bring none is likely.
    history = sampled({85.0: 700, 90.0: 700, 94.0: 708})
    assert history.growth(POOL, 708, 99.0) == pytest.approx(8 / 9)


def waiting(used: int, ages: Mapping[int, int], hold: float = 62.05) -> Usage:
    return Usage(used, 10_000, sum(ages.values()), None, ages=histogram(ages), hold=hold)


def test_taken() -> None:
    """Ports newly taken are the growth of the used ones, and those that came back meanwhile."""
    history = PoolHistory().after(90.0, {POOL: waiting(500, {5: 300, 49: 7, 50: 40, 60: 20})})
    # Those that closed 50 s ago may be 51 s old, and over in 9 s; those of 49 s ago in 10 s.
    assert history.taken(POOL, waiting(520, {}), 100.0) == pytest.approx((20 + 60) / 10)
    assert history.taken(POOL, waiting(100, {}), 100.0) == 0
    # More than a minute later all are over, and others may have come and gone.
    assert history.taken(POOL, waiting(100, {}), 160.0) == math.inf


def test_taken_over() -> None:
    """Where as many are used as before and none has ended, no port was taken, whatever closes."""
    history = PoolHistory().after(90.0, {POOL: waiting(500, {5: 500})})
    assert history.taken(POOL, waiting(500, {0: 500}), 95.0) == 0


def test_taken_is_not_known() -> None:
    """Nothing bounds a new pool, one without ages, or one whose ports come back in between."""
    usage = waiting(500, {})
    assert PoolHistory().taken(POOL, usage, 100.0) == math.inf
    history = PoolHistory().after(90.0, {POOL: usage._replace(ages=None)})
    assert history.taken(POOL, usage, 100.0) == math.inf
    history = PoolHistory().after(90.0, {POOL: waiting(500, {}, hold=1.0)})
    assert history.taken(POOL, waiting(600, {}, hold=1.0), 95.0) == math.inf


CLOSED_BEFORE = st.lists(st.tuples(st.floats(0, 62.05), st.floats(0, 2.05)), max_size=40)


@given(CLOSED_BEFORE, st.integers(0, 50), st.floats(1, 59))
def test_taken_is_never_too_low(
    before: list[tuple[float, float]], opened: int, seconds: float
) -> None:
    """Where every connection takes a port of its own, the bound leaves room for all of them.

    before: how long ago a connection closed, and by how much the end of its batch comes after the
    60 s. Those that are opened meanwhile are all there still.
    """
    waits = [(ago, 60 + batch) for ago, batch in before if ago < 60 + batch]
    ages = Counter(min(int(ago), 60) for ago, _ends in waits)
    still = sum(ago + seconds < ends for ago, ends in waits)
    live = 2000
    history = PoolHistory().after(90.0, {POOL: waiting(live + len(waits), ages)})
    now = waiting(live + still + opened, {})
    assert history.taken(POOL, now, 90.0 + seconds) * seconds >= opened - 1e-6


def test_new_pool() -> None:
    """A pool that was not there has not grown: it may have been too small to be told apart."""
    history = PoolHistory().after(90.0, {})
    assert history.growth(POOL, 5000, 100.0) == 0
    history = history.after(95.0, {POOL: Usage(5000, 10_000, 0, None)})
    assert history.growth(POOL, 5100, 100.0) == 20


def test_little_used() -> None:
    """Pools that are hardly used are not remembered: there may be very many."""
    history = sampled({90.0: 99, 95.0: 100})
    assert [list(pools) for _then, pools in history.moments] == [[], [POOL]]


def test_two_samples_at_once() -> None:
    """Samples less than a second apart tell nothing of the growth."""
    history = sampled({100.0: 10})
    assert history.growth(POOL, 12, 100.0) == 0.0
    assert history.growth(POOL, 12, 100.1) == 0.0


def test_bounded() -> None:
    """However often samples are taken, little more than a dozen are remembered."""
    assert len(sampled({tenth / 10: 1 for tenth in range(1000)}).moments) <= 13
