"""Which pools are full because the kernel lately refused connections between their ends."""

from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.failures import CONNECT, NO_PORT, PORT_TAKEN, FailureKind
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.table import Churn, ListedPool, PoolTable
from tcp_pressure_exporter.sample.counted.failures import (
    FailureOwner,
    PortFailures,
    RecentCount,
    RecentFailures,
)
from tcp_pressure_exporter.sample.counted.refused_pools import refused_pools
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tests.support.fakes import evidence
from tests.support.fakes.samples import namespace_sample

INFINITE = float("inf")
NO_PORTS, PORTS_TAKEN = FailureKind(CONNECT, NO_PORT), FailureKind(CONNECT, PORT_TAKEN)
POOL = replace(evidence.pool(50), outlook=Outlook(INFINITE, 0.05, 10.0, 2))
OTHER = replace(POOL, key=POOL.key._replace(port=b"\0\1"), port="1")
ON_ETH1 = replace(POOL, key=POOL.key._replace(scope=2), local_address="10.0.0.2%eth1")
ON_ETH2 = replace(POOL, key=POOL.key._replace(scope=3), local_address="10.0.0.2%eth2")


def refused(
    *processes: str, ago: float = 0.0, kind: FailureKind = NO_PORTS, port: str = "443"
) -> RecentFailures:
    """Return five refusals for each process, the last that many seconds ago."""
    owners = [FailureOwner(kind, Owner("", p), "10.0.0.2", "10.0.0.9", port) for p in processes]
    return RecentFailures(300.0, dict.fromkeys(owners, RecentCount(5, ago)), {})


def sample(recent: RecentFailures, *pools: ListedPool) -> NamespaceSample:
    table = PoolTable(len(pools), 0.05, 0.05, pools, 0, 0, Churn(1, 1, INFINITE))
    tables = {OUTBOUND: table, INBOUND: table}
    return namespace_sample(
        pools=Outcome(0.0, tables), failures=Outcome(0.0, PortFailures({}, {}, {}, recent))
    )


def left(shown: NamespaceSample, direction: str = OUTBOUND) -> tuple[list[float], float]:
    """Return the seconds left of each pool, and of the first of all."""
    table = shown.pool_tables()[direction]
    assert table.churn
    each = [pool.outlook.exhaustion_seconds for pool in table.listed if pool.outlook]
    return each, table.churn.exhaustion_seconds


def test_no_time_is_left() -> None:
    """The refusing pool has no time left, and neither has the direction; other pools have."""
    assert left(sample(refused("a"), POOL, OTHER)) == ([0.0, INFINITE], 0.0)
    assert left(sample(refused("a"), POOL, OTHER), INBOUND) == ([INFINITE, INFINITE], INFINITE)


def test_use_stays() -> None:
    """Its use stays what was counted."""
    table = sample(refused("a"), POOL).pool_tables()[OUTBOUND]
    assert (table.listed[0].usage, table.ratio_max) == (POOL.usage, 0.05)


@pytest.mark.parametrize(
    "recent",
    [
        RecentFailures(),
        refused("a", ago=60.0),
        refused("a", kind=PORTS_TAKEN),
    ],
)
def test_not_full(recent: RecentFailures) -> None:
    """Refusals from a minute ago are over; a port that an application chose says nothing."""
    assert left(sample(recent, POOL)) == ([INFINITE], INFINITE)


def test_pool_that_is_not_listed() -> None:
    """If no listed pool has these ends, none of them is full, but the direction is."""
    assert left(sample(refused("a", port="80"), POOL)) == ([INFINITE], 0.0)
    unknown = RecentFailures(300.0, {}, {NO_PORTS: RecentCount(1, 0.0)})
    assert left(sample(unknown, POOL)) == ([INFINITE], 0.0)


def test_several_callers() -> None:
    """Refusals of several processes by one pool are added up, earlier ones included."""
    both = replace(refused("a"), owners={**refused("a").owners, **refused("b", ago=200.0).owners})
    [found] = refused_pools([POOL], both)
    assert (found.connections, found.pool) == (10, POOL)
    assert found.name == "10.0.0.2 → 10.0.0.9:443"


@pytest.mark.parametrize(
    ("pools", "full"),
    [
        ([ON_ETH1], ON_ETH1),
        ([ON_ETH1, POOL], POOL),
        ([ON_ETH1, ON_ETH2], None),
    ],
)
def test_interfaces(pools: list[ListedPool], full: ListedPool | None) -> None:
    """The interface of a refused call is not known: only an unambiguous pool is marked."""
    [found] = refused_pools(pools, refused("a"))
    assert found.pool == full


def test_without_pools() -> None:
    """If pools are not known, there is nothing to say about them."""
    recent = Outcome(0.0, PortFailures({}, {}, {}, refused("a")))
    assert namespace_sample(failures=recent).pool_tables() == {}
