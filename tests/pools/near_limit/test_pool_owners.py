from collections import Counter, defaultdict
from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.sockets import UNKNOWN_SOCKET, Owner, RemoteEnd
from tcp_pressure_exporter.facts.tally import PoolKey, PoolSocket
from tcp_pressure_exporter.pools.groups import GroupKey, ListedKey, RemoteGroup, RemoteGroups
from tcp_pressure_exporter.pools.near_limit.closer_look import (
    owners_by_pool,
    remote_ends,
)
from tcp_pressure_exporter.pools.table import ListedPool
from tcp_pressure_exporter.pools.usage import Usage
from tests.sources.counting.counting import key, rules
from tests.support.messages.socket_entries import sixteen_bytes

LB = RemoteGroups([RemoteGroup("lb", (ip_network("10.0.1.0/24"),))])
NO_GROUPS = RemoteGroups()
HERE = sixteen_bytes("10.0.0.2")
HTTPS = (443).to_bytes(2, "big")
GROUP = GroupKey(HERE, "lb", HTTPS)
A, B = key("10.0.0.2", "10.0.0.8", 443), key("10.0.0.2", "10.0.0.9", 443)
RULES = rules(usable=range(40000, 40010), bound=[40009], served=[40008, 443])
WEB, CACHE, NOBODY = Owner("web.service", "nginx"), Owner("cache.service", ""), Owner()


def listed(key: ListedKey) -> ListedPool:
    return ListedPool(key, "10.0.0.2", "remote", "443", Usage(900, 1000, 0, 0))


def socket(local_port: int, pool: PoolKey = A) -> PoolSocket:
    return PoolSocket(pool, local_port, UNKNOWN_SOCKET)


def test_remote_ends() -> None:
    """The kernel is asked for each remote end once; for a group at any address."""
    elsewhere = key("10.0.0.3", "10.0.0.8", 443)
    pools = [listed(pool) for pool in (A, elsewhere, GROUP, B)]
    assert remote_ends(pools) == [
        RemoteEnd(sixteen_bytes("10.0.0.8"), HTTPS),
        RemoteEnd(None, HTTPS),
        RemoteEnd(sixteen_bytes("10.0.0.9"), HTTPS),
    ]
    assert remote_ends([]) == []


def test_owners_of_each_pool() -> None:
    """Each pool has its own owners, the one with the most sockets first."""
    sockets = [socket(40000), socket(40001), socket(40002), socket(40000, B), socket(40003)]
    owners = [CACHE, WEB, WEB, CACHE, NOBODY]
    assert owners_by_pool(sockets, owners, RULES, NO_GROUPS) == {
        A: ((WEB, 2), (CACHE, 1)),
        B: ((CACHE, 1),),
    }


def test_ports_that_connect_did_not_choose() -> None:
    """Sockets at ports that are outside the range, bound or served are in no outbound pool."""
    sockets = [socket(port) for port in (39999, 40008, 40009, 40010, 443)]
    assert owners_by_pool(sockets, [WEB] * 5, RULES, NO_GROUPS) == {}


def test_group() -> None:
    """The sockets connected to a group's addresses have common owners, per fixed end."""
    sockets = [
        socket(40000, key("10.0.0.2", "10.0.1.1", 443)),
        socket(40000, key("10.0.0.2", "10.0.1.2", 443)),
        socket(40001, key("10.0.0.2", "10.0.1.2", 80)),
        socket(40000, key("10.0.0.3", "10.0.1.1", 443)),
        socket(40000, B),
    ]
    assert owners_by_pool(sockets, [WEB, WEB, CACHE, CACHE, WEB], RULES, LB) == {
        GROUP: ((WEB, 2),),
        GROUP._replace(port=(80).to_bytes(2, "big")): ((CACHE, 1),),
        GROUP._replace(local_address=sixteen_bytes("10.0.0.3")): ((CACHE, 1),),
        B: ((WEB, 1),),
    }


def test_many_owners() -> None:
    """Of many owners of a pool, the sixteen with the most sockets are reported."""
    crowd = [Owner(f"{number}.service", "") for number in range(20) for _ in range(number + 1)]
    usable = range(40000, 40300)
    sockets = [socket(port) for port in usable[: len(crowd)]]
    found = owners_by_pool(sockets, crowd, rules(usable=usable), NO_GROUPS)[A]
    assert [(owner.service, count) for owner, count in found] == [
        (f"{number}.service", number + 1) for number in range(19, 3, -1)
    ]


SOCKETS = st.tuples(
    st.builds(
        socket,
        st.integers(39998, 40011),
        st.sampled_from([A, B, key("10.0.0.2", "10.0.1.1", 443), key("::1", "::2", 80)]),
    ),
    st.sampled_from([WEB, CACHE, NOBODY]),
)


@given(st.lists(SOCKETS))
def test_any_sockets(found: list[tuple[PoolSocket, Owner]]) -> None:
    """An owner's number in a pool is that of its sockets at the ports of an outbound pool."""
    expected: dict[ListedKey, Counter[Owner]] = defaultdict(Counter)
    for sock, owner in found:
        if 40000 <= sock.local_port <= 40007:
            grouped = sock.key.remote_address == sixteen_bytes("10.0.1.1")
            expected[GROUP if grouped else sock.key][owner] += owner != NOBODY
    told = owners_by_pool([sock for sock, _ in found], [owner for _, owner in found], RULES, LB)
    assert {pool: dict(owners) for pool, owners in told.items()} == {
        pool: dict(+owners) for pool, owners in expected.items()
    }
