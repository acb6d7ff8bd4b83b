import math
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.directions import DirectionPools
from tcp_pressure_exporter.pools.groups import RemoteGroup, RemoteGroups
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.pools.memory import PoolMemory
from tcp_pressure_exporter.pools.table import Churn, PoolTable, pool_table
from tcp_pressure_exporter.pools.usage import Usage
from tests.support.fakes.tallies import NO_AGES
from tests.support.messages.socket_entries import sixteen_bytes

LB = RemoteGroups([RemoteGroup("lb", (ip_network("10.0.1.0/24"), ip_network("fd00::/64")), 1000)])
NO_GROUPS = RemoteGroups()


def key(remote: str, port: int = 443, local: str = "10.0.0.2") -> PoolKey:
    remote_address = sixteen_bytes(remote) if remote else b""
    return PoolKey(sixteen_bytes(local), remote_address, port.to_bytes(2, "big") if port else b"")


def used(ports: int, limit: int = 1000, time_wait: int = 0) -> Usage:
    return Usage(ports, limit, time_wait, None)


def table(
    usages: dict[PoolKey, Usage],
    groups: RemoteGroups = NO_GROUPS,
    listing: ListingRule | None = None,
    previous: PoolMemory | None = None,
    overflow: int = 0,
) -> PoolTable:
    told_apart = DirectionPools(usages, overflow_sockets=overflow)
    return tabled(told_apart, groups, listing, previous)[0]


def tabled(
    usages: DirectionPools,
    groups: RemoteGroups = NO_GROUPS,
    listing: ListingRule | None = None,
    previous: PoolMemory | None = None,
) -> tuple[PoolTable, PoolMemory]:
    return pool_table(
        usages, groups, listing or ListingRule(), previous or PoolMemory(), now=1000.0
    )


def rows(found: PoolTable) -> list[tuple[str, str, str, int, int | None]]:
    return [
        (pool.local_address, pool.remote_address, pool.port, pool.usage.used, pool.usage.limit)
        for pool in found.listed
    ]


def test_no_pool() -> None:
    """Without a pool everything is zero, and nothing is listed."""
    assert table({}) == PoolTable(0, 0.0, 0.0, (), 0, 0)


@pytest.mark.parametrize(("new", "highest", "left"), [(0.3, 0.4, math.inf), (1.0, 1.0, 0.0)])
def test_new_pool(new: float, highest: float, left: float) -> None:
    """The totals cover a pool to a new destination: if it would be full, nothing is left."""
    pools = {key("10.0.0.9"): used(400)._replace(ages=NO_AGES)}
    found, memory = tabled(DirectionPools(pools, ages=NO_AGES, new_ratio=new))
    assert (found.count, found.ratio_max, found.ratio_max_1m) == (1, highest, highest)
    assert found.churn == Churn(0, 0, left)
    none = tabled(DirectionPools({}, ages=NO_AGES, new_ratio=new), previous=memory)[0]
    assert (none.count, none.ratio_max, none.ratio_max_1m) == (0, new, highest)
    assert none.churn == Churn(0, 0, left)


def test_new_pool_of_unknown_ages() -> None:
    """If closes are not known there is no forecast either, and only the ratio counts."""
    found, _memory = tabled(DirectionPools({}, new_ratio=1.0))
    assert found == PoolTable(0, 1.0, 1.0, (), 0, 0, churn=None)


def test_labels() -> None:
    """Addresses read as text, the port as a number; an end that does not apply is empty."""
    usages = {
        key("10.0.0.9"): used(400),
        key("2001:db8::9", local="2001:db8::2"): used(300),
        key("", 0): used(200),
    }
    assert rows(table(usages)) == [
        ("10.0.0.2", "10.0.0.9", "443", 400, 1000),
        ("2001:db8::2", "2001:db8::9", "443", 300, 1000),
        ("10.0.0.2", "", "", 200, 1000),
    ]


def test_totals() -> None:
    """Totals cover all pools, the remainder those that are not listed."""
    usages = {key("10.0.0.7"): used(70), key("10.0.0.8"): used(80), key("10.0.0.9"): used(9)}
    found = table(usages, listing=ListingRule(top=1), overflow=3)
    assert rows(found) == [("10.0.0.2", "10.0.0.8", "443", 80, 1000)]
    assert (found.count, found.ratio_max) == (3, 0.08)
    assert (found.unlisted_ports_used, found.overflow_sockets) == (79, 3)


def test_group_adds_up() -> None:
    """The pools of a group's addresses are one row; its limit covers the addresses in use."""
    usages = {
        key("10.0.1.1"): Usage(100, 1000, 40, None),
        key("10.0.1.2"): Usage(300, 1000, 50, None),
        key("10.0.0.9"): Usage(150, 1000, 0, None),
    }
    found = table(usages, LB)
    assert rows(found) == [
        ("10.0.0.2", "lb", "443", 400, 2000),
        ("10.0.0.2", "10.0.0.9", "443", 150, 1000),
    ]
    assert found.listed[0].usage == Usage(400, 2000, 90, None)


def test_group_of_one_address() -> None:
    """A group with one address in use has the limit of one address."""
    assert rows(table({key("10.0.1.1"): used(100)}, LB)) == [("10.0.0.2", "lb", "443", 100, 1000)]


def test_group_per_fixed_end() -> None:
    """Pools of a group towards other local addresses or ports stay apart."""
    usages = {
        key("10.0.1.1", 443): used(400),
        key("10.0.1.2", 80): used(300),
        key("10.0.1.3", 443, local="10.0.0.3"): used(200),
    }
    assert rows(table(usages, LB)) == [
        ("10.0.0.2", "lb", "443", 400, 1000),
        ("10.0.0.2", "lb", "80", 300, 1000),
        ("10.0.0.3", "lb", "443", 200, 1000),
    ]


def test_reclaimable_of_a_group() -> None:
    """Reclaimable ports add up if the direction has them."""
    usages = {key("10.0.1.1"): Usage(10, 100, 9, 4), key("10.0.1.2"): Usage(20, 100, 9, 5)}
    assert table(usages, LB).listed[0].usage == Usage(30, 200, 18, 9)


def test_full_address_inside_a_group() -> None:
    """The highest ratio is that of single addresses: one full address is not averaged away."""
    usages = {key(f"10.0.1.{host}"): used(1000 if host == 1 else 0) for host in range(1, 11)}
    found = table(usages, LB)
    assert rows(found) == [("10.0.0.2", "lb", "443", 1000, 10_000)]
    assert (found.count, found.ratio_max) == (10, 1.0)


def test_source_pools_have_no_group() -> None:
    """A pool without a remote address is in no group, whatever the groups hold."""
    everything = RemoteGroups([RemoteGroup("all", (ip_network("0.0.0.0/0"), ip_network("::/0")))])
    assert rows(table({key("", 0): used(100)}, everything)) == [("10.0.0.2", "", "", 100, 1000)]


def test_listed_pools_stay() -> None:
    """A pool listed in the last sample stays while others are less than a tenth fuller."""
    one = ListingRule(top=1)
    usages = DirectionPools({key("10.0.0.8"): used(500), key("10.0.0.9"): used(490)})
    _table, before = tabled(usages, listing=one)
    after = {key("10.0.0.8"): used(500), key("10.0.0.9"): used(540)}
    assert rows(table(after, listing=one, previous=before))[0][1] == "10.0.0.8"
    assert rows(table(after, listing=one))[0][1] == "10.0.0.9"


def test_listed_groups_stay() -> None:
    """A listed group stays in the same way."""
    one = ListingRule(top=1)
    usages = DirectionPools({key("10.0.1.1"): used(500), key("10.0.0.9"): used(490)})
    _table, before = tabled(usages, LB, one)
    after = {key("10.0.1.2"): used(500), key("10.0.0.9"): used(540)}
    assert rows(table(after, LB, one, before))[0][1] == "lb"


def test_pools_that_are_not_told_apart() -> None:
    """Pools that a dump only adds up count in every total, and may be all there are."""
    usages = DirectionPools({key("10.0.0.9"): used(500)}, 70_000, 140_000, 0.003)
    found, _memory = tabled(usages)
    assert (found.count, found.ratio_max, found.unlisted_ports_used) == (70_001, 0.5, 140_000)
    alone, _memory = tabled(DirectionPools({}, 70_000, 140_000, 0.003))
    assert (alone.count, alone.ratio_max, alone.unlisted_ports_used) == (70_000, 0.003, 140_000)


def test_watched_pool_beside_fuller_ones() -> None:
    """The highest ratio may belong to a pool without a row, if a row is kept for a lesser one.

    If more equally used pools compete than may have rows, none has; a watched pool has one.
    """
    watched = {key("10.0.0.9"): used(2)}
    found, _memory = tabled(
        DirectionPools(watched, others=600, others_used=60_000, others_ratio_max=0.1)
    )
    assert (found.ratio_max, found.ratio_max_1m) == (0.1, 0.1)


POOLS = st.dictionaries(
    st.builds(key, st.sampled_from(["10.0.1.1", "10.0.1.2", "fd00::1", "10.0.0.8", "10.0.0.9"]),
              st.sampled_from([80, 443])),
    st.builds(used, st.integers(0, 1000)),
)  # fmt: skip


@given(POOLS, st.integers(0, 5), st.sampled_from([LB, NO_GROUPS]))
def test_nothing_is_lost(usages: dict[PoolKey, Usage], top: int, groups: RemoteGroups) -> None:
    """Listed and unlisted ports together are all ports, with groups and without."""
    found = table(usages, groups, ListingRule(top=top))
    listed = sum(pool.usage.used for pool in found.listed)
    assert listed + found.unlisted_ports_used == sum(usage.used for usage in usages.values())
    assert found.count == len(usages)
    assert found.ratio_max == max([0, *(usage.used for usage in usages.values())]) / 1000
    assert len(found.listed) <= top
