"""The walk in which the ports of each second come back at its end."""

import pytest

from benchmarks.forecast.release_together import exhaustion_seconds
from tcp_pressure_exporter.pools.forecast import Flow


def test_ports_come_back_late() -> None:
    """At 10/s, 22 free ports last 2.2 s, although 5 come back at 3 s; 35 last 5 longer."""
    ages = (0, 0, 0, 5)
    assert exhaustion_seconds(Flow(27, 0, ages, 10, hold=6)) == pytest.approx(2.2)
    assert exhaustion_seconds(Flow(35, 0, ages, 10, hold=6)) == pytest.approx(3)
    assert exhaustion_seconds(Flow(36, 0, ages, 10, hold=6)) == pytest.approx(3.6)
    assert exhaustion_seconds(Flow(400, 100, (), 0, 2)) == pytest.approx(150)
    assert exhaustion_seconds(Flow(5, 0, ages, 10, hold=6)) == 0
