"""Outbound pools of local ports that an application chose by itself."""

from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.tally import NetworkPorts, OtherPools, SocketTally
from tcp_pressure_exporter.pools.directions import DirectionPools
from tcp_pressure_exporter.pools.explicit import SourceRanges, row_rules, with_explicit_pools
from tcp_pressure_exporter.pools.groups import RemoteGroups
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.pools.memory import PoolMemory
from tcp_pressure_exporter.pools.table import PoolTable, pool_table
from tests.sources.counting.counting import NEVER, key
from tests.support.fakes.tallies import EMPTY, pools
from tests.support.messages.socket_entries import sixteen_bytes

POOL = key("10.0.0.2", "10.0.0.9", 443)
RANGES = SourceRanges((NetworkPorts(sixteen_bytes("10.0.0.2"), 128, 20_000, 20_099),))
NO_RANGES = SourceRanges()
SETTINGS = PortRange(32_768, 60_999, 0)


def table(
    tally: SocketTally, sources: SourceRanges = NO_RANGES, min_ratio: float = 0.01
) -> PoolTable:
    found = with_explicit_pools(DirectionPools({}), tally, SETTINGS, sources, NEVER)
    rule = ListingRule(min_ratio=min_ratio)
    shown, _memory = pool_table(found, RemoteGroups(), rule, PoolMemory(), now=0.0)
    return shown


def explicit(ports: int) -> SocketTally:
    return replace(EMPTY, explicit=pools({POOL: (ports, 0, 0)}))


def test_configured_range() -> None:
    """A range of 100 ports with 100 in use is full; the label says which ports they are."""
    shown = table(explicit(100), RANGES)
    [pool] = shown.listed
    assert pool.local_address == "10.0.0.2:20000-20099"
    assert (pool.usage.used, pool.usage.limit, pool.usage.ratio) == (100, 100, 1.0)
    assert shown.ratio_max == 1.0


@pytest.mark.parametrize(("ports", "listed"), [(99, 0), (100, 1), (40_000, 1)])
def test_no_known_limit(ports: int, listed: int) -> None:
    """Without a limit a pool has no ratio, and is listed from 100 ports up."""
    shown = table(explicit(ports))
    assert (shown.count, len(shown.listed), shown.ratio_max) == (1, listed, 0.0)
    for pool in shown.listed:
        assert pool.local_address == "10.0.0.2:outside"
        assert (pool.usage.limit, pool.outlook) == (None, None)
    assert shown.unlisted_ports_used == (0 if listed else ports)


@pytest.mark.parametrize(
    ("ports", "limit"),
    [(1, 359), (359, 359), (360, 424), (425, 512), (513, 1023), (1023, 1023)],
)
def test_privileged_ports(ports: int, limit: int) -> None:
    """Below 1024 the limit is RPC's, or the next wider convention once more are in use."""
    tally = replace(EMPTY, privileged=pools({POOL: (ports, 0, 0)}))
    [pool] = table(tally, min_ratio=0.0).listed
    assert pool.local_address == "10.0.0.2:1-1023"
    assert (pool.usage.used, pool.usage.limit) == (ports, limit)


def test_totals() -> None:
    """Pools without a row count in the totals of outbound pools."""
    others = replace(pools({}), others=OtherPools(pools=3, most_used=5, ports=9), overflow=2)
    shown = table(replace(explicit(150), privileged=others))
    assert (shown.count, shown.unlisted_ports_used, shown.overflow_sockets) == (4, 9, 2)


def test_watched() -> None:
    """Listed pools have a row in the next dump, each kind by its own rules."""
    watched = [POOL, POOL._replace(ports="1-1023"), POOL._replace(ports="20000-20099", scope=3)]
    assert row_rules(watched, privileged=True).watched == (POOL,)
    assert row_rules(watched, privileged=False).watched == (POOL._replace(scope=3),)
