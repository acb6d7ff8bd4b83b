"""A load balancer in NAT mode in front of two backends: both sides see the same ports run out."""

from collections.abc import Iterator

import pytest

from tcp_pressure_exporter.pools.table import PoolTable
from tcp_pressure_exporter.sample.sample import NAT_POOLS
from tests.support.labs.gateway_lab import (
    OTHER_SERVER,
    OUTSIDE,
    SERVER,
    VIRTUAL,
    GatewayLab,
    dnat,
    inside,
    open_gateway_lab,
    snat,
)
from tests.support.labs.lab import SERVER_PORT, open_observer, time_wait_there

Ports = dict[tuple[str, str], tuple[int, int]]


@pytest.fixture
def balancer() -> Iterator[GatewayLab]:
    """Give a gateway that passes connections to VIRTUAL to both servers in turn."""
    with open_gateway_lab() as lab:
        snat("masquerade to :40000-40099")
        dnat(
            f"tcp dport {SERVER_PORT} dnat to numgen inc mod 2"
            f" map {{ 0 : {SERVER}, 1 : {OTHER_SERVER} }}"
        )
        yield lab


def ports(table: PoolTable) -> Ports:
    """Return what each pool has in use or in TIME_WAIT, and how many of them are in TIME_WAIT."""
    return {
        (pool.local_address, pool.remote_address): (
            pool.usage.used + (pool.usage.reclaimable or 0),
            pool.usage.time_wait or 0,
        )
        for pool in table.listed
    }


def at_balancer() -> Ports:
    with open_observer() as observer:
        nat = observer.sample().outcome(NAT_POOLS)
        assert nat is not None
        return ports(nat.get())


def at_backends(balancer: GatewayLab) -> Ports:
    with inside(balancer.server), open_observer() as observer:
        return ports(observer.tables()["inbound"])


def test_both_sides_agree(balancer: GatewayLab) -> None:
    """The balancer's NAT pools are the backends' inbound pools, connection for connection."""
    for _ in range(10):
        balancer.connect(VIRTUAL)
    assert at_balancer() == {(OUTSIDE, SERVER): (5, 0), (OUTSIDE, OTHER_SERVER): (5, 0)}
    assert at_backends(balancer) == {(SERVER, OUTSIDE): (5, 0), (OTHER_SERVER, OUTSIDE): (5, 0)}


def test_backends_that_close_first(balancer: GatewayLab) -> None:
    """TIME_WAIT stays at the backends, and conntrack has its own for the same connections."""
    pairs = [balancer.connect(VIRTUAL) for _ in range(10)]
    for pair in pairs[:4]:
        time_wait_there(pair)
    assert at_backends(balancer) == {(SERVER, OUTSIDE): (5, 2), (OTHER_SERVER, OUTSIDE): (5, 2)}
    assert at_balancer() == {(OUTSIDE, SERVER): (5, 2), (OUTSIDE, OTHER_SERVER): (5, 2)}
