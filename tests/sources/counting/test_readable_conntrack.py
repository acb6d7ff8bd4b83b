"""The counts of a conntrack dump, by both parsers from the same bytes."""

import socket
from collections import Counter
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.tally import (
    MAX_CLIENTS,
    MAX_POOLS,
    NatRules,
    OtherPools,
    PoolKey,
    RowRules,
)
from tests.sources.counting.counting import key
from tests.sources.counting.nat_counting import tally, tally_entries
from tests.support.fakes.tallies import counts
from tests.support.messages.conntrack_messages import (
    ADDRESSES,
    CLOSE,
    ESTABLISHED,
    NUMBER,
    PROTOCOL,
    PROTOCOL_INFO,
    REPLY,
    SRC_NAT,
    STATUS,
    SYN_SENT2,
    TCP_INFO,
    TCP_STATE,
    TIME_WAIT,
    Connection,
    conntrack_tuple,
    entry,
    nested,
    protocol_info,
    status,
    with_header,
)
from tests.support.messages.datagrams import attribute
from tests.support.messages.socket_entries import sixteen_bytes

CLIENT, OTHER_CLIENT = ("10.0.0.7", 50_000), ("10.0.0.8", 50_000)
SERVER = ("203.0.113.9", 443)
OUTSIDE = "198.51.100.1"
POOL = key(OUTSIDE, "203.0.113.9", 443)
FLOW = Connection(CLIENT, SERVER, (OUTSIDE, 40_000))


def flow(port: int, state: int | None = ESTABLISHED) -> Connection:
    """Return a connection that the gateway has given a port."""
    return replace(FLOW, gateway=(OUTSIDE, port), state=state)


def test_pools() -> None:
    """A pool is the ports of one translated address towards one destination."""
    to_port_80 = replace(FLOW, destination=("203.0.113.9", 80))
    elsewhere = replace(FLOW, destination=("203.0.113.10", 443))
    from_second = replace(FLOW, gateway=("198.51.100.2", 40_000))
    found = [flow(40_000), flow(40_001), to_port_80, elsewhere, from_second]
    assert counts(tally(found)) == {
        POOL: (2, 0, 0),
        key(OUTSIDE, "203.0.113.9", 80): (1, 0, 0),
        key(OUTSIDE, "203.0.113.10", 443): (1, 0, 0),
        key("198.51.100.2", "203.0.113.9", 443): (1, 0, 0),
    }


@pytest.mark.parametrize(
    ("state", "time_wait", "reclaimable"),
    [
        *((state, 0, 0) for state in range(TIME_WAIT)),
        (TIME_WAIT, 1, 1),
        (CLOSE, 0, 1),
        (SYN_SENT2, 0, 1),
        (None, 0, 0),
    ],
)
def test_states(state: int | None, time_wait: int, reclaimable: int) -> None:
    """Each state holds a port; from TIME_WAIT on the kernel may end the entry for a new one."""
    found = [flow(40_000, state), flow(40_001)]
    assert counts(tally(found)) == {POOL: (2, time_wait, reclaimable)}
    assert counts(tally(found, NatRules(evicts=False))) == {POOL: (2, time_wait, 0)}


def test_untranslated_source() -> None:
    """Without a translated source a connection takes no port of the gateway's."""
    forwarded = Connection(CLIENT, SERVER)
    published = Connection(CLIENT, (OUTSIDE, 443), server=("10.0.0.80", 8443))
    assert counts(tally([forwarded, published])) == {}


def test_zones() -> None:
    """Each conntrack zone has ports of its own; what counts is the zone of the replies."""
    found = [FLOW, replace(FLOW, zone=5), replace(FLOW, zone_reply=65_535)]
    found += [replace(FLOW, zone=5, gateway=(OUTSIDE, 40_001)), replace(FLOW, zone_original=7)]
    assert counts(tally(found)) == {
        POOL: (2, 0, 0),
        POOL._replace(scope=5): (2, 0, 0),
        POOL._replace(scope=65_535): (1, 0, 0),
    }
    own = Connection((OUTSIDE, 41_000), SERVER, zone=5)
    watched = [POOL, POOL._replace(scope=5)]
    assert counts(tally([own, *found], without_source(*watched))) == {
        POOL: (0, 0, 0),
        POOL._replace(scope=5): (1, 0, 0),
    }


def without_source(*pools: PoolKey) -> NatRules:
    """Return the rules that count connections without a translated source into some pools."""
    return NatRules(RowRules(watched=pools), evicts=False, translated=False)


def test_ports_of_others() -> None:
    """A pool's ports are also held by the gateway's own connections, wherever they go."""
    own = Connection((OUTSIDE, 41_000), SERVER)
    own_published = Connection((OUTSIDE, 41_001), ("10.9.9.9", 80), server=SERVER)
    over = Connection((OUTSIDE, 41_002), SERVER, state=TIME_WAIT)
    elsewhere = Connection((OUTSIDE, 41_003), ("203.0.113.10", 443))
    forwarded = Connection(CLIENT, SERVER)
    udp = Connection((OUTSIDE, 41_004), SERVER, protocol=socket.IPPROTO_UDP)
    found = [FLOW, own, own_published, over, elsewhere, forwarded, udp]
    unused = key(OUTSIDE, "203.0.113.99", 443)
    counted = tally(found, without_source(POOL, unused))
    assert counts(counted) == {POOL: (3, 1, 0), unused: (0, 0, 0)}
    assert (counted.others, counted.overflow) == (OtherPools(), 0)


def test_no_pools_for_others() -> None:
    """Without a pool nothing is counted: a connection without a translated source makes none."""
    counted = tally([Connection((OUTSIDE, 41_000), SERVER)], without_source())
    assert (counts(counted), counted.others, counted.overflow) == ({}, OtherPools(), 0)


def test_both_translated() -> None:
    """Where the destination is translated too, the pool is the one towards the real server."""
    both = Connection(CLIENT, ("10.9.9.9", 80), (OUTSIDE, 40_000), server=SERVER)
    assert counts(tally([both])) == {POOL: (1, 0, 0)}


def by_client(*pools: PoolKey) -> NatRules:
    """Return the rules that also count the connections of some pools by client."""
    return NatRules(clients_of=pools)


def test_clients() -> None:
    """In the given pools each client's connections are counted, by the address that opened them."""
    second = replace(FLOW, source=OTHER_CLIENT, gateway=(OUTSIDE, 40_001), state=TIME_WAIT)
    elsewhere = replace(FLOW, destination=("203.0.113.10", 443))
    zone = replace(FLOW, zone=5)
    own = Connection((OUTSIDE, 41_000), SERVER)
    udp = replace(FLOW, protocol=socket.IPPROTO_UDP)
    unused = key(OUTSIDE, "203.0.113.99", 443)
    found = [FLOW, flow(40_002), second, elsewhere, zone, own, udp]
    counted = tally(found, by_client(unused, POOL, POOL._replace(scope=5)))
    client, other = sixteen_bytes(CLIENT[0]), sixteen_bytes(OTHER_CLIENT[0])
    assert counted.clients == {POOL: {client: 2, other: 1}, POOL._replace(scope=5): {client: 1}}
    assert counted.rows == tally(found).rows
    assert tally(found).clients == {}


def test_client_of_a_translated_destination() -> None:
    """The client is what opened the connection, wherever it went; also for IPv6."""
    both = Connection(CLIENT, ("10.9.9.9", 80), (OUTSIDE, 40_000), server=SERVER)
    six = Connection(("2001:db8::7", 50_000), ("2001:db8:9::9", 443), ("2001:db8::1", 40_000))
    pool6 = key("2001:db8::1", "2001:db8:9::9", 443)
    assert tally([both, six], by_client(POOL, pool6)).clients == {
        POOL: {sixteen_bytes(CLIENT[0]): 1},
        pool6: {sixteen_bytes("2001:db8::7"): 1},
    }


def test_too_many_clients() -> None:
    """Clients beyond the limit are left out; known ones go on counting."""
    found = [
        replace(
            FLOW, source=(str(ip_address("10.0.0.0") + number), 50_000), gateway=(OUTSIDE, port)
        )
        for port in (40_000, 40_001)
        for number in range(MAX_CLIENTS + 3)
    ]
    (clients,) = tally(found, by_client(POOL)).clients.values()
    assert (len(clients), set(clients.values())) == (MAX_CLIENTS, {2})


def test_ipv6() -> None:
    """IPv6 has pools of its own."""
    found = Connection(("2001:db8::7", 50_000), ("2001:db8:9::9", 443), ("2001:db8::1", 40_000))
    assert counts(tally([found, FLOW])) == {
        key("2001:db8::1", "2001:db8:9::9", 443): (1, 0, 0),
        POOL: (1, 0, 0),
    }


@pytest.mark.parametrize(
    "protocol", [socket.IPPROTO_UDP, socket.IPPROTO_SCTP, socket.IPPROTO_GRE, 0, 255]
)
def test_other_protocols(protocol: int) -> None:
    """Other protocols have ports of their own, or none."""
    assert counts(tally([replace(FLOW, protocol=protocol), FLOW])) == {POOL: (1, 0, 0)}


def test_icmp() -> None:
    """An entry without ports is skipped: ICMP has an identifier, a type and a code."""
    icmp = [attribute(NUMBER, b"\1"), attribute(4, b"\0\5"), attribute(5, b"\10")]
    addresses = [attribute(1, bytes(4)), attribute(2, bytes(4))]
    reply = nested(REPLY, nested(ADDRESSES, *addresses), nested(PROTOCOL, *icmp))
    assert counts(tally_entries([with_header(reply, status(SRC_NAT))])) == {}


def test_nothing() -> None:
    """A gateway that translates nothing has no pools."""
    counted = tally([])
    assert (counts(counted), counted.others, counted.overflow) == ({}, OtherPools(), 0)


def test_unordered_and_unknown_attributes() -> None:
    """Attributes may come in any order, with and without their flags, among unknown ones."""
    parts = [
        protocol_info(TIME_WAIT),
        attribute(99, b"later kernels"),
        attribute(STATUS, b"\0\0\0\x10"),
        attribute(0, b""),
        conntrack_tuple(REPLY, SERVER, (OUTSIDE, 40_000), socket.IPPROTO_TCP),
    ]
    for order in (parts, parts[::-1]):
        assert counts(tally_entries([with_header(*order)])) == {POOL: (1, 1, 1)}
    plain = attribute(PROTOCOL_INFO, attribute(TCP_INFO, attribute(TCP_STATE, b"\7")))
    assert counts(tally_entries([with_header(plain, *parts[1:])])) == {POOL: (1, 1, 1)}


def test_duplicated_attribute() -> None:
    """Of two attributes of a kind the last one counts, as in the kernel's nla_parse."""
    twice = entry(flow(40_000, TIME_WAIT)) + protocol_info(ESTABLISHED)
    assert counts(tally_entries([twice])) == {POOL: (1, 0, 0)}
    assert counts(tally_entries([entry(FLOW) + status(0)])) == {}


def test_rows() -> None:
    """The fullest pools have rows, and the watched ones; reclaimable ports do not count as used."""
    used = {5: [ESTABLISHED] * 3, 6: [ESTABLISHED] * 2, 7: [TIME_WAIT] * 9, 8: [ESTABLISHED]}
    found = [
        replace(flow(40_000 + i, state), destination=(f"203.0.113.{last}", 443))
        for last, states in used.items()
        for i, state in enumerate(states)
    ]
    watched = key(OUTSIDE, "203.0.113.8", 443)
    counted = tally(found, NatRules(RowRules(min_used=1, max_rows=2, watched=[watched])))
    ends = [row.remote_address[-1] for row in counted.rows]
    assert ends == [5, 6, 8]
    assert counted.others == OtherPools(pools=1, most_used=0, ports=9, time_wait=9, reclaimable=9)
    kept = tally(found, NatRules(RowRules(min_used=5, max_rows=2), evicts=False))
    assert [(row.remote_address[-1], kept.rows[row].ports) for row in kept.rows] == [(7, 9)]


def test_too_many_pools() -> None:
    """Connections of pools beyond the limit are counted as overflow."""
    towards = ip_address(SERVER[0])
    reply = conntrack_tuple(REPLY, SERVER, (OUTSIDE, 40_000), socket.IPPROTO_TCP)
    one = with_header(status(SRC_NAT), reply)
    entries = (one.replace(towards.packed, (towards + i).packed) for i in range(MAX_POOLS + 3))
    counted = tally_entries(entries)
    assert (counted.overflow, len(counted.rows), counted.others.pools) == (3, 0, MAX_POOLS)


ADDRESS = st.sampled_from(["10.0.0.7", "203.0.113.9", "203.0.113.10", "198.51.100.1"])
ADDRESS6 = st.sampled_from(["2001:db8::7", "2001:db8:9::9", "2001:db8::1", "::ffff:203.0.113.9"])
PORT = st.sampled_from([1, 443, 40_000, 40_001, 65_535])


ZONES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("zone", "zone_original", "zone_reply"), st.sampled_from([1, 5]))
)


@st.composite
def connections(draw: st.DrawFn) -> Connection:
    end = st.tuples(draw(st.sampled_from([ADDRESS, ADDRESS6])), PORT)
    return Connection(
        source=draw(end),
        destination=draw(end),
        gateway=draw(st.none() | end),
        server=draw(st.none() | end),
        state=draw(st.none() | st.integers(0, SYN_SENT2)),
        protocol=draw(st.sampled_from([socket.IPPROTO_TCP] * 5 + [socket.IPPROTO_UDP])),
        **draw(ZONES),
    )


def pool_of(connection: Connection) -> PoolKey:
    """Return the pool whose port the connection holds."""
    (remote, port), (local, _port) = connection.reply
    return key(local, remote, port)._replace(scope=connection.zone or connection.zone_reply)


@given(st.lists(connections(), max_size=40), st.sets(st.integers(0, 39)))
def test_any_connections_of_others(found: list[Connection], watched: set[int]) -> None:
    """Whatever is tracked, the given pools count the connections whose source was left alone."""
    pools = {pool_of(connection) for number, connection in enumerate(found) if number in watched}
    expected: Counter[PoolKey] = Counter()
    time_wait: Counter[PoolKey] = Counter()
    for connection in found:
        if not connection.gateway and connection.protocol == socket.IPPROTO_TCP:
            expected[pool_of(connection)] += 1
            time_wait[pool_of(connection)] += connection.state == TIME_WAIT
    counted = counts(tally(found, without_source(*pools)))
    assert counted == {pool: (expected[pool], time_wait[pool], 0) for pool in pools}


@given(st.lists(connections(), max_size=40), st.booleans())
def test_any_connections(found: list[Connection], evicts: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever is tracked, each pool counts its connections, by what their replies show."""
    expected: Counter[tuple[PoolKey, int]] = Counter()
    for connection in found:
        if connection.gateway and connection.protocol == socket.IPPROTO_TCP:
            over = connection.state is not None and connection.state >= TIME_WAIT
            pool = pool_of(connection)
            expected.update({(pool, 0): 1, (pool, 1): connection.state == TIME_WAIT})
            expected.update({(pool, 2): over and evicts})
    listed = list({pool for pool, _ in expected})[:2]
    counted = tally(found, NatRules(evicts=evicts, clients_of=listed))
    assert counts(counted) == {
        pool: (expected[pool, 0], expected[pool, 1], expected[pool, 2]) for pool, _ in expected
    }
    held = {pool: sum(clients.values()) for pool, clients in counted.clients.items()}
    assert held == {pool: expected[pool, 0] for pool in listed}
