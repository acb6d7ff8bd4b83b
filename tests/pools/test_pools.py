from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.ports import port_range, port_set
from tcp_pressure_exporter.facts.sockets import BoundSocket
from tcp_pressure_exporter.facts.tally import (
    NO_POOLS,
    AddressPorts,
    LocalAddress,
    OtherPools,
    PoolCount,
    PoolKey,
    PoolTally,
    SocketTally,
    TallyRules,
)
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.pools.directions import (
    DirectionPools,
    inbound_usages,
    outbound_usages,
    pool_usages,
    source_usages,
)
from tcp_pressure_exporter.pools.groups import RemoteGroup, RemoteGroups
from tcp_pressure_exporter.pools.usage import Usage
from tests.support.fakes.tallies import EMPTY, NO_AGES, bound_tally, pools
from tests.support.messages.socket_entries import sixteen_bytes

NEVER = TimeWaitReuse(everywhere=False, on_loopback=False)
RANGE = port_range(40000, 40009)
POOL = PoolKey(sixteen_bytes("10.0.0.2"), sixteen_bytes("10.0.0.9"), b"\x01\xbb")


def held_at(address: str, held: Iterable[int], live: Iterable[int]) -> SocketTally:
    ports = AddressPorts(port_set(held), port_set(live))
    return replace(EMPTY, held=ports.held, by_address={LocalAddress(sixteen_bytes(address)): ports})


def rules(usable: int, blocked: int = 0, reuse: TimeWaitReuse = NEVER) -> TallyRules:
    return TallyRules(usable, blocked, 0, reuse)


TWO_BLOCKED = rules(RANGE, port_set([40005, 40006]))


def bound(address: str, port: int, *, ipv6_only: bool = False) -> BoundSocket:
    return BoundSocket(sixteen_bytes(address), port, listening=True, ipv6_only=ipv6_only)


def test_outbound() -> None:
    """Blocked ports are used in every pool; reclaimable ones in none."""
    other = POOL._replace(port=b"\x00\x50")
    tally = pools({POOL: (7, 5, 4), other: (1, 0, 0)})
    assert outbound_usages(tally, TWO_BLOCKED, limit=10) == DirectionPools(
        {
            POOL: Usage(5, 10, time_wait=5, reclaimable=4, ages=NO_AGES, blocked=2),
            other: Usage(3, 10, time_wait=0, reclaimable=0, ages=NO_AGES, blocked=2),
        },
        ages=NO_AGES,
        new_ratio=0.2,
    )


def test_outbound_pools_that_are_not_told_apart() -> None:
    """The sum and the highest ratio of the other pools are known, with blocked ports in each."""
    others = OtherPools(3, 4, ports=9, time_wait=5, reclaimable=2, ages=NO_AGES)
    tally = PoolTally({}, others, overflow=6)
    assert outbound_usages(tally, TWO_BLOCKED, limit=10) == DirectionPools(
        {}, 3, 2 * 3 + 9 - 2, 0.6, ages=NO_AGES, overflow_sockets=6, new_ratio=0.2
    )


@pytest.mark.parametrize(("limit", "ratio"), [(10, 0.2), (2, 1.0), (1, 2.0), (0, 1.0)])
def test_outbound_without_a_pool(limit: int, ratio: float) -> None:
    """A pool without a connection begins with the blocked ports; without any port, it is full."""
    found = outbound_usages(PoolTally({}, OtherPools(), 0), TWO_BLOCKED, limit)
    assert (found.pools, found.new_ratio) == ({}, ratio)


def test_inbound_pools_that_are_not_told_apart() -> None:
    """The sum and the highest ratio of the other pools are known, by the fewest ports.

    Which ports they have is not known, so the ratio may be too high.
    """
    tally = PoolTally({}, OtherPools(pools=3, most_used=6451, ports=7000, ages=NO_AGES), overflow=6)
    usages = inbound_usages(tally, RemoteGroups(), NEVER)
    assert usages == DirectionPools({}, 3, 7000, 6451 / 28232, ages=NO_AGES, overflow_sockets=6)


def test_inbound() -> None:
    """All remote ports with a socket are used; what the remote can reclaim is not known here."""
    usages = inbound_usages(pools({POOL: (7, 5, 0)}), RemoteGroups(), NEVER)
    expected = Usage(used=7, limit=28232, time_wait=5, reclaimable=None, ages=NO_AGES)
    assert usages == DirectionPools({POOL: expected}, ages=NO_AGES)


def test_inbound_group() -> None:
    """Each address in a group has as many ports as the group says; others have the default."""
    lb = RemoteGroup("lb", (ip_network("10.0.0.9/32"),), 28000)
    outside = POOL._replace(remote_address=sixteen_bytes("10.0.0.10"))
    usages = inbound_usages(pools({POOL: (1, 0, 0), outside: (1, 0, 0)}), RemoteGroups([lb]), NEVER)
    limits = {key: usage.limit for key, usage in usages.pools.items()}
    assert limits == {POOL: 28000, outside: 28232}


# Linux's default range has 60999 - 32768 + 1 = 28,232 ports: net/ipv4/af_inet.c, inet_init_net.
@pytest.mark.parametrize(
    ("ports", "outside", "limit"),
    [
        (20_000, 0, 28_232),  # a balancer with Linux's default
        (20_000, 200, 28_232),  # its probes, from ports of their own
        (20_000, 201, 64_512),
        (20_000, 11_200, 64_512),  # from 1024 up: 56 % are outside Linux's default
        (28_232, 0, 28_232),  # out of ports: full, where 64,512 would have said 44 %
    ],
)
def test_the_ports_of_a_remote_tell_how_many_it_has(ports: int, outside: int, limit: int) -> None:
    """A remote that keeps to Linux's default range has no more; any other is taken to have all."""
    tally = replace(NO_POOLS, rows={POOL: PoolCount(ports, 0, 0, 0, NO_AGES, outside)})
    (usage,) = inbound_usages(tally, RemoteGroups(), NEVER).pools.values()
    assert usage.limit == limit


def test_source() -> None:
    """bind(address, port 0) cannot get a held port, in TIME_WAIT or not; others do not matter."""
    tally = held_at("10.0.0.2", held=[40000, 40001, 40002, 50000], live=[40002, 50000])
    assert source_usages(tally, bound_tally(), rules(RANGE), limit=10) == DirectionPools(
        {PoolKey(sixteen_bytes("10.0.0.2"), b"", b""): Usage(3, 10, 2, None)}
    )


def test_source_port_whose_listener_has_closed() -> None:
    """A port that is still served without a listener counts as taken at every address."""
    drained = replace(rules(RANGE), served=port_set([40003, 40004, 443]))
    listener = bound("10.0.0.3", 40004)
    [usage] = source_usages(
        held_at("10.0.0.2", [], []), bound_tally([listener]), drained, 10
    ).pools.values()
    assert usage == Usage(used=1, limit=10, time_wait=0, reclaimable=None, blocked=1)


def test_source_overflow() -> None:
    """Sockets at too many local addresses are passed on as such."""
    tally = replace(EMPTY, address_overflow=5)
    assert source_usages(tally, bound_tally(), rules(RANGE), limit=10) == DirectionPools(
        {}, overflow_sockets=5
    )


@pytest.mark.parametrize(
    ("address", "binder", "excluded"),
    [
        ("10.0.0.2", bound("10.0.0.2", 40005), True),
        ("10.0.0.2", bound("::ffff:10.0.0.2", 40005), True),
        ("10.0.0.2", bound("0.0.0.0", 40005), True),
        ("10.0.0.2", bound("::", 40005), True),
        ("10.0.0.2", bound("::ffff:0.0.0.0", 40005), True),
        ("10.0.0.2", bound("::", 40005, ipv6_only=True), False),
        ("10.0.0.2", bound("10.0.0.3", 40005), False),
        ("10.0.0.2", bound("::1", 40005, ipv6_only=True), False),
        ("10.0.0.2", bound("0.0.0.0", 50005), False),
        ("2001:db8::2", bound("2001:db8::2", 40005, ipv6_only=True), True),
        ("2001:db8::2", bound("::", 40005), True),
        ("2001:db8::2", bound("::", 40005, ipv6_only=True), True),
        ("2001:db8::2", bound("0.0.0.0", 40005), False),
        ("2001:db8::2", bound("2001:db8::3", 40005, ipv6_only=True), False),
    ],
)
def test_source_and_wildcards(address: str, binder: BoundSocket, *, excluded: bool) -> None:
    """A bound socket excludes its own address or, as a wildcard, the families it covers."""
    [usage] = source_usages(
        held_at(address, [], []), bound_tally([binder]), rules(RANGE), limit=10
    ).pools.values()
    assert usage.used == excluded


def test_source_port_that_is_bound_and_in_time_wait() -> None:
    """A port counts once, and for TIME_WAIT only if nothing else holds it."""
    tally = held_at("10.0.0.2", held=[40000, 40001], live=[])
    [usage] = source_usages(
        tally, bound_tally([bound("0.0.0.0", 40000)]), rules(RANGE), limit=10
    ).pools.values()
    assert usage == Usage(used=2, limit=10, time_wait=1, reclaimable=None, blocked=1)


def test_directions() -> None:
    """All three directions are present, even if empty."""
    by = TallyRules(RANGE, port_set([40005]), 0, NEVER)
    tally = replace(
        EMPTY,
        by_address={LocalAddress(POOL.local_address): AddressPorts(port_set([40000]), 0)},
        outbound=pools({POOL: (1, 1, 0)}),
    )
    assert pool_usages(tally, bound_tally([bound("0.0.0.0", 40005)]), by, 10, RemoteGroups()) == {
        "outbound": DirectionPools(
            {POOL: Usage(2, 10, 1, 0, ages=NO_AGES, blocked=1)}, ages=NO_AGES, new_ratio=0.1
        ),
        "inbound": DirectionPools({}, ages=NO_AGES),
        "source": DirectionPools(
            {PoolKey(POOL.local_address, b"", b""): Usage(2, 10, 1, None, blocked=1)}
        ),
    }


ADDRESSES = ("0.0.0.0", "10.0.0.2", "10.0.0.3", "::", "::1", "2001:db8::2")
PORTS = st.frozensets(st.integers(39998, 40011), max_size=14)
BOUND = st.lists(
    st.tuples(st.sampled_from(ADDRESSES), st.integers(39998, 40011), st.booleans()), max_size=10
)


def conflicts(binder: tuple[str, int, bool], address: str) -> bool:
    """Tell whether a bound socket excludes a bind to the address at its port."""
    at, _port, v6only = binder
    v4 = "." in address
    return at == address or (at == "0.0.0.0" and v4) or (at == "::" and not (v4 and v6only))


@settings(deadline=None)
@given(st.sampled_from(["10.0.0.2", "2001:db8::2"]), PORTS, PORTS, PORTS, BOUND)
def test_source_agrees_with_sets(
    address: str,
    usable: frozenset[int],
    live: frozenset[int],
    time_wait: frozenset[int],
    binders: list[tuple[str, int, bool]],
) -> None:
    """For any sockets the figures are sizes of sets of ports."""
    sockets = [bound(at, port, ipv6_only=only and ":" in at) for at, port, only in binders]
    tally = held_at(address, live | time_wait, live)
    usages = source_usages(tally, bound_tally(sockets), rules(port_set(usable)), limit=99)
    [usage] = usages.pools.values()
    owned = {binder[1] for binder in binders if conflicts(binder, address)}
    assert usage == Usage(
        used=len(usable & (live | time_wait | owned)),
        limit=99,
        time_wait=len(usable & (time_wait - live - owned)),
        reclaimable=None,
        blocked=len(usable & owned),
    )
