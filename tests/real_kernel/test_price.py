"""What a full pool costs each connect(), as the kernel's own search shows."""

import pytest

from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.verdict.pressures import Pressure, pressures
from tcp_pressure_exporter.verdict.resources import search
from tests.support.labs.lab import Lab, Observer
from tests.support.labs.network_namespace import add_address, set_sysctl

REMOTE, LOCAL = "10.99.0.9", "10.99.0.2"


@pytest.mark.parametrize(("sockets", "told"), [(50, False), (90, True)])
def test_price(lab: Lab, observer: Observer, sockets: int, *, told: bool) -> None:
    """A pool near its limit has a price, of a few microseconds to a few milliseconds."""
    set_sysctl("ip_local_port_range", "40000 40099")
    set_sysctl("tcp_tw_reuse", 0)
    for address in (LOCAL, REMOTE):
        add_address(f"{address}/32")
    for _ in range(sockets):
        lab.connect(REMOTE, LOCAL)
    (pool,) = [one for one in pressures(observer.sample()) if _is_mine(one)]
    assert (pool.search_seconds is not None) is told
    assert search(pool).startswith("connect() now takes ") is told
    assert 0 <= (pool.search_seconds or 0) < 1


def _is_mine(pressure: Pressure) -> bool:
    return pressure.kind == OUTBOUND and pressure.name.startswith(f"{LOCAL} → {REMOTE}:")
