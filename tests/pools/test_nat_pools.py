from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.tally import OtherPools
from tcp_pressure_exporter.pools.directions import DirectionPools, NatRanges, nat_usages
from tcp_pressure_exporter.pools.groups import RemoteGroups
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.pools.memory import PoolMemory
from tcp_pressure_exporter.pools.table import pool_table
from tcp_pressure_exporter.pools.usage import Usage
from tests.sources.counting.counting import key
from tests.support.fakes.tallies import NO_POOLS, pools
from tests.support.messages.socket_entries import sixteen_bytes

POOL = key("198.51.100.1", "203.0.113.9", 443)
SECOND = key("198.51.100.2", "203.0.113.9", 443)
V6 = key("2001:db8::1", "2001:db8::9", 443)
PORTS = 65535 - 1024 + 1  # what masquerade without a range may choose from
RANGES = NatRanges({sixteen_bytes("198.51.100.2"): 1000})


def test_used() -> None:
    """Used ports are those that no new connection can take: reclaimable ones are not used."""
    assert nat_usages(pools({POOL: (10, 4, 6)}), NatRanges()) == DirectionPools(
        {POOL: Usage(used=4, limit=PORTS, time_wait=4, reclaimable=6)}
    )


def test_ranges() -> None:
    """Each address has its own range, or the default if it is not configured."""
    tally = pools({POOL: (1, 0, 0), SECOND: (2, 0, 0), V6: (3, 0, 0)})
    usages = nat_usages(tally, RANGES).pools
    assert {end: usage.limit for end, usage in usages.items()} == {
        POOL: PORTS,
        SECOND: 1000,
        V6: PORTS,
    }


def test_fewest() -> None:
    """The shortest range is at most the default, which any address may have."""
    assert NatRanges().fewest == PORTS
    assert RANGES.fewest == 1000
    assert NatRanges({b"": 65535}).fewest == PORTS


def test_others() -> None:
    """The highest ratio of pools without a row is at most what the shortest range would give."""
    others = OtherPools(pools=7, most_used=30, ports=80, time_wait=9, reclaimable=10)
    usages = nat_usages(replace(NO_POOLS, others=others, overflow=5), RANGES)
    assert (usages.others, usages.others_used, usages.others_ratio_max) == (7, 70, 0.03)
    assert usages.overflow_sockets == 5


def test_no_forecast() -> None:
    """Conntrack does not show when a connection was closed, so a NAT pool has no forecast."""
    usages = nat_usages(pools({POOL: (60_000, 50_000, 0)}), NatRanges())
    table, _memory = pool_table(usages, RemoteGroups(), ListingRule(), PoolMemory(), now=0.0)
    assert table.churn is None
    [listed] = table.listed
    assert listed.outlook is None
    assert listed.usage.ratio == 60_000 / PORTS


@given(st.integers(0, 70_000), st.integers(0, 70_000), st.integers(1, 65_535))
def test_any_count(live: int, closed: int, ports: int) -> None:
    """Used is never negative, and live ports are neither used by TIME_WAIT nor reclaimable."""
    tally = pools({SECOND: (live + closed, closed, closed)})
    [usage] = nat_usages(tally, NatRanges({SECOND.local_address: ports})).pools.values()
    assert (usage.used, usage.live, usage.limit) == (live, live, ports)
