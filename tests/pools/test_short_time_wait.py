"""Forecasts and rates if TIME_WAIT is shorter or longer than their windows."""

import math
from array import array

import pytest

from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse, same_length
from tcp_pressure_exporter.pools.forecast import Flow, exhaustion_seconds, outlook
from tcp_pressure_exporter.pools.usage import Usage, peak_closes


@pytest.mark.parametrize(("seconds", "hold"), [(15, 15.256), (300, 316.384)])
def test_steady_state(seconds: int, hold: float) -> None:
    """At HZ=250, 15 s come in batches of 0.256 s, 300 s in 16.384 s: closes count that long."""
    reuse = TimeWaitReuse(
        everywhere=False, on_loopback=False, lengths=same_length(1000 * seconds), tick=0.004
    )
    ages = array("I", [10] * seconds + [0]).tobytes()
    usage = Usage(10 * seconds, 10_000, 10 * seconds, 0, 0, ages, reuse.hold, batch=reuse.batch)
    found = outlook(usage, math.inf)
    assert found is not None
    assert found.steady_state_ratio == pytest.approx(10 * hold / 10_000)
    assert found.sustainable_closes == pytest.approx(10_000 / hold)


def test_releases_of_a_short_batch() -> None:
    """150 ports of 15 whole seconds come back within 15.256 s; at even rates it never fills."""
    steady = (*[10] * 15, 0)
    assert exhaustion_seconds(Flow(160, 0, steady, closes=10, hold=15.256)) == math.inf
    # 20 a second against 10 that come back: 50 free ports last 5 s, after the 0.256 s of a batch
    # in which none comes back: 5.12 are gone by then, and 44.88 ÷ 10 = 4.488 s later all.
    full = exhaustion_seconds(Flow(200, 0, steady, closes=20, hold=15.256))
    assert full == pytest.approx(0.256 + 4.488)


def test_peak_of_a_long_time_wait() -> None:
    """For 300 s the peak is that of the last 60; for 5 s, of all whole seconds."""
    assert peak_closes(array("I", [1] * 60 + [9] * 241).tobytes()) == 1
    assert peak_closes(array("I", [1, 2, 3, 4, 5, 90]).tobytes()) == 5
