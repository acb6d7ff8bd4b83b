"""The pools of remote groups added up, however many addresses they have."""

from collections import defaultdict
from dataclasses import replace
from ipaddress import ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.tally import (
    MAX_GROUP_POOLS,
    GroupedKey,
    OtherPools,
    PoolTally,
    RowRules,
)
from tcp_pressure_exporter.pools.groups import RemoteGroup, RemoteGroups
from tests.sources.counting.counting import EVERYWHERE, rules, tally
from tests.support.messages.datagrams import ESTABLISHED, TIME_WAIT, Entry
from tests.support.messages.socket_entries import sixteen_bytes

LOCAL = "10.0.0.2"
GROUPS = RemoteGroups(
    [
        RemoteGroup("lb", (ip_network("10.1.0.0/16"), ip_network("fd01::/64"))),
        RemoteGroup("one", (ip_network("10.2.0.1/32"), ip_network("10.0.0.0/30"))),
    ]
)
IN_GROUP = {"10.1.0.0": 0, "10.1.255.255": 0, "fd01::9": 0, "10.2.0.1": 1, "10.0.0.3": 1}
IN_NONE = ["10.0.0.4", "10.2.0.0", "10.2.0.2", "10.255.0.1", "fd01:0:0:1::", "9.255.255.255"]


def counted(found: list[Entry], rows: RowRules) -> PoolTally:
    by = rules(range(40_000, 50_000), reuse=EVERYWHERE)
    return tally(found, replace(by, outbound_rows=rows)).outbound


def test_sum() -> None:
    """A group has the ports of all its addresses, with rows or not; `others` has them too."""
    found = [Entry(ESTABLISHED, LOCAL, 40_000 + i, f"10.1.0.{i % 3}", 443) for i in range(9)]
    found += [Entry(TIME_WAIT, LOCAL, 41_000, "10.1.0.0", 443, expires=30_000)]
    result = counted(found, RowRules(min_used=99, groups=GROUPS.networks))
    [(key, added)] = result.groups.items()
    assert key == GroupedKey(sixteen_bytes(LOCAL), 0, (443).to_bytes(2))
    assert added == result.others
    assert (added.pools, added.most_used, added.ports) == (3, 3, 10)
    assert (added.time_wait, added.reclaimable) == (1, 1)


def test_too_many() -> None:
    """Each local address and port of a group has a separate sum, up to a limit."""
    found = [
        Entry(ESTABLISHED, f"127.0.{i >> 8}.{i & 255}", 40_000, "10.1.0.1", 443)
        for i in range(MAX_GROUP_POOLS + 2)
    ]
    result = counted(found, RowRules(min_used=99, groups=GROUPS.networks))
    assert len(result.groups) == MAX_GROUP_POOLS
    assert result.others.pools == MAX_GROUP_POOLS + 2


ENTRIES = st.builds(
    lambda remote, port, remote_port, waits: Entry(
        TIME_WAIT if waits else ESTABLISHED,
        "fd00::2" if ":" in remote else LOCAL,
        port,
        remote,
        remote_port,
        expires=30_000 if waits else 0,
    ),
    st.sampled_from([*IN_GROUP, *IN_NONE]),
    st.integers(40_000, 40_050),
    st.sampled_from([80, 443]),
    st.booleans(),
)


@settings(deadline=None)
@given(st.lists(ENTRIES, max_size=80), st.integers(0, 5), st.integers(0, 3))
def test_each_address_in_its_group(found: list[Entry], min_used: int, max_rows: int) -> None:
    """Whichever pools have rows, each group has the ports of its addresses and no others."""
    ports: dict[tuple[int, bytes], int] = defaultdict(int)
    for entry in found:
        if entry.remote in IN_GROUP:
            ports[IN_GROUP[entry.remote], entry.remote_port.to_bytes(2)] += 1
    result = counted(found, RowRules(min_used, max_rows, groups=GROUPS.networks))
    sums: dict[tuple[int, bytes], int] = defaultdict(int)
    for key, added in result.groups.items():
        sums[key.group, key.port] += added.ports
    assert sums == ports


def test_no_groups() -> None:
    """Without groups only the others are added up."""
    found = [Entry(ESTABLISHED, LOCAL, 40_000, "10.1.0.1", 443)]
    assert counted(found, RowRules()).groups == {}
    assert counted([], RowRules(groups=GROUPS.networks)).others == OtherPools(ages=bytes(61 * 4))
