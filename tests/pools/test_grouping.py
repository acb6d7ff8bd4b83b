from functools import reduce
from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.groups import GroupKey, RemoteGroup, RemoteGroups, group_pools
from tcp_pressure_exporter.pools.usage import Usage
from tests.support.messages.socket_entries import sixteen_bytes

LOCAL = sixteen_bytes("10.0.0.2")
HTTPS = b"\x01\xbb"
GROUPS = RemoteGroups(
    [
        RemoteGroup("lb", (ip_network("10.0.1.0/24"),)),
        RemoteGroup("nat", (ip_network("fd00::/64"),)),
    ]
)
REMOTES = ("10.0.1.1", "10.0.1.2", "fd00::1", "fd00::2", "10.0.0.9")
NAME = {"10.0.1.1": "lb", "10.0.1.2": "lb", "fd00::1": "nat", "fd00::2": "nat"}


def key(remote: str, port: bytes = HTTPS, local: bytes = LOCAL) -> PoolKey:
    return PoolKey(local, sixteen_bytes(remote), port)


def used(ports: int) -> Usage:
    return Usage(ports, 1000, ports // 2, None)


def test_without_groups() -> None:
    """Without groups each pool stands for itself."""
    pools = {key(remote): used(5) for remote in REMOTES}
    grouping = group_pools(pools, {}, RemoteGroups())
    assert grouping.usages == pools
    assert [grouping.members_of(pool) for pool in pools] == [(pool,) for pool in pools]


def test_members() -> None:
    """A group is the sum of its addresses, and knows them; a remote in no group stays as it is."""
    pools = {key("10.0.1.1"): used(10), key("10.0.0.9"): used(20), key("10.0.1.2"): used(30)}
    grouping = group_pools(pools, {}, GROUPS)
    lb = GroupKey(LOCAL, "lb", HTTPS)
    assert grouping.usages == {lb: Usage(40, 2000, 20, None), key("10.0.0.9"): used(20)}
    assert list(grouping.members_of(lb)) == [key("10.0.1.1"), key("10.0.1.2")]
    assert list(grouping.members_of(key("10.0.0.9"))) == [key("10.0.0.9")]


def test_source_pools() -> None:
    """A pool without a remote is in no group, even if one holds every address."""
    everything = RemoteGroups([RemoteGroup("all", (ip_network("0.0.0.0/0"), ip_network("::/0")))])
    source = PoolKey(LOCAL, b"", b"")
    assert list(group_pools({source: used(5)}, {}, everything).usages) == [source]


KEYS = st.builds(
    key,
    st.sampled_from(REMOTES),
    st.sampled_from([HTTPS, b"\x00\x50"]),
    st.sampled_from([LOCAL, sixteen_bytes("10.0.0.3")]),
)


@given(st.dictionaries(KEYS, st.builds(used, st.integers(0, 1000))))
def test_each_pool_is_a_member_once(pools: dict[PoolKey, Usage]) -> None:
    """What is shown is the sum of its members; each pool is a member of one, by its ends."""
    grouping = group_pools(pools, {}, GROUPS)
    members = {name: list(grouping.members_of(name)) for name in grouping.usages}
    assert sorted(pool for found in members.values() for pool in found) == sorted(pools)
    for name, found in members.items():
        assert grouping.usages[name] == reduce(Usage.plus, (pools[pool] for pool in found))
        for pool in found:
            remote = next(text for text in REMOTES if sixteen_bytes(text) == pool.remote_address)
            own = GroupKey(pool.local_address, NAME[remote], pool.port) if remote in NAME else pool
            assert name == own
